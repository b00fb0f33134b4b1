"""The parts of a look that hosts remember: older manifests, runs, the epoch; and why a reboot is due.

What a record says is read in `planning.runs`, an older manifest in `planning.manifest`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from clusterctl.remote.facts_host import Sections, named, whole
from clusterctl.remote.script import LARGEST_EPOCH
from clusterctl.remote.text import printable

MAX_PACKAGES = 10


@dataclass(frozen=True, slots=True)
class RecordFacts:
    """As in HostFacts."""

    history: Mapping[str, str]
    runs: Mapping[str, str]
    epoch: int
    reboot_reasons: tuple[str, ...]


def parse_records(sections: Sections) -> RecordFacts:
    """Return what the host remembers; raises BadAnswerError."""
    epoch = sections["epoch"].text.strip() if "epoch" in sections else "0"
    return RecordFacts(
        history={name.removesuffix(".json"): text for name, text in named(sections, "history")},
        runs={name.removesuffix(".json"): text for name, text in named(sections, "run")},
        epoch=whole("epoch", epoch, 0, LARGEST_EPOCH),
        reboot_reasons=_reboot_reasons(sections),
    )


def _reboot_reasons(sections: Sections) -> tuple[str, ...]:
    """Return that the packages installed want a reboot (Debian's reboot-required), and which do."""
    if "reboot" not in sections:
        return ()
    names = sorted(
        {printable(line.strip())[:100] for line in sections["reboot"].text.splitlines() if line.strip()}
    )
    more = f", and {len(names) - MAX_PACKAGES} more" if len(names) > MAX_PACKAGES else ""
    listed = ", ".join(names[:MAX_PACKAGES])
    return (f"reboot-required: {listed}{more}" if names else "reboot-required",)
