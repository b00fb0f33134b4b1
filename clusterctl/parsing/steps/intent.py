"""A playbook's `steps:` part as an intent: which hosts, in groups of which sizes, and what is done to each.

The verbs and their arguments are in `steps.keys`. Files that steps name are read here, through the caller, so
that the intent is whole; what a step does is decided in `planning.steps`. A `$` belongs to the shell.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from clusterctl.errors import InputError
from clusterctl.model.intent import PlaybookStep, Rolling, StepsIntent
from clusterctl.model.inventory import Inventory
from clusterctl.model.limit import Limit
from clusterctl.model.window import Window
from clusterctl.parsing.compose.keys import SUPPORTED
from clusterctl.parsing.compose.known import KNOWN
from clusterctl.parsing.compose.playbook import normalise_name
from clusterctl.parsing.cursor import Cursor, open_root
from clusterctl.parsing.limits import check_serial, parse_limit, parse_serial
from clusterctl.parsing.names import parse_service_name
from clusterctl.parsing.scalars import as_text, one_of, whole_number
from clusterctl.parsing.selector import select
from clusterctl.parsing.steps.check import check_steps
from clusterctl.parsing.steps.keys import RUN_KEYS
from clusterctl.parsing.steps.read import Files, read_step
from clusterctl.parsing.windows import parse_window
from clusterctl.parsing.words import Expected, quoted

MOST_STEPS = 1000

_TOP = tuple(key for key in SUPPORTED if "." not in key)
_TOP_KNOWN = {key: word for key, word in KNOWN.items() if "." not in key}


def parse_steps_playbook(
    data: bytes | str,
    file: str,
    *,
    inventory: Inventory,
    read_file: Callable[[str], bytes | str],
    hosts: str | None = None,
) -> StepsIntent:
    """Return what the steps in the text ask for; raises InputError with every mistake.

    `hosts` is a selector that counts instead of the file's own. `read_file` gives a file by its path
    beside the playbook, at best as bytes, and raises OSError where it cannot.
    """
    root = open_root(data, file)
    keys = _read_top(root)
    files = Files(file, data, read_file, inventory.policy, root.value.get("services") is not None)
    steps = _read_steps(keys.get("steps"), files)
    intent = StepsIntent(
        name=_read_name(keys.get("name")) or _name_of(file),
        hosts=_read_hosts(keys.get("hosts"), inventory, hosts),
        steps=steps,
        serial=_read_serial(keys.get("serial")),
        max_fail=_read_max_fail(keys.get("max_fail")),
        on_failure="continue" if _read_on_failure(keys.get("on_failure")) == "continue" else "stop",
        rolling=Rolling(
            max_unavailable=_read_max_unavailable(keys.get("max_unavailable")),
            windows=_read_windows(keys.get("window")),
            deadline_s=_reboot_seconds(steps),
        ),
    )
    root.log.raise_if_any()
    return intent


def _read_top(root: Cursor) -> dict[str, Cursor]:
    """Return the places of the keys of steps; those of services are left to whoever applies them."""
    keys: dict[str, Cursor] = {}
    for entry in root.value.entries:
        if entry.key in _TOP:
            keys[entry.key] = root.at(entry)
        elif entry.key in _TOP_KNOWN:
            root.mistake(f"{quoted(entry.key)} is {_TOP_KNOWN[entry.key]}", entry.line)
        elif not entry.key.startswith("x-"):
            root.unknown(entry.key, entry.line, _TOP)
    if "steps" not in keys:
        apply = f"; apply the services with clusterctl apply {root.log.file}" if "services" in keys else ""
        root.mistake(f'"steps" is missing: a list of what to do{apply}', 1)
    return {key: place for key, place in keys.items() if key in {"name", *RUN_KEYS}}


def _read_name(place: Cursor | None) -> str:
    return place.read(as_text(parse_service_name), "") if place else ""


def _name_of(file: str) -> str:
    return normalise_name(file.rpartition("/")[2].rpartition(".")[0]) or "steps"


def _read_hosts(place: Cursor | None, inventory: Inventory, instead: str | None) -> tuple[str, ...]:
    """Return the names of the hosts; a selector of the command line has its own message when it is wrong."""
    if instead is not None:
        return tuple(host.name for host in select(instead, inventory))
    if place is None:
        return inventory.names
    text = place.read(as_text(_parse_selector), "")
    if not text:
        return ()
    try:
        return tuple(host.name for host in select(text, inventory))
    except InputError as error:
        for detail in error.details:
            place.mistake(detail)
        return ()


def _parse_selector(text: str) -> str:
    if not text:
        raise Expected("a selector such as all or web[01-03]")
    return text


def _read_serial(place: Cursor | None) -> tuple[Limit, ...]:
    if place is None:
        return (Limit(1),)
    if place.value.kind != "list":
        return place.read(as_text(parse_serial), ())
    sizes = [item.read(as_text(parse_limit), None) for item in place.items()]
    found = tuple(size for size in sizes if size is not None)
    return place.read(lambda _: check_serial(found), ()) if len(found) == len(sizes) else ()


def _read_max_fail(place: Cursor | None) -> int:
    return place.read(whole_number(0), 0) if place else 0


def _read_on_failure(place: Cursor | None) -> str:
    return place.read(one_of("stop", "continue"), "stop") if place else "stop"


def _read_max_unavailable(place: Cursor | None) -> Limit | None:
    return place.read(as_text(parse_limit), None) if place else None


def _read_windows(place: Cursor | None) -> tuple[Window, ...] | None:
    """Return the windows; None where the file has none, so that the inventory's count."""
    if place is None:
        return None
    windows = [item.read(as_text(parse_window), None) for item in place.items_or_self()]
    if not windows:
        place.mistake("no window: leave the key out to take those of the inventory")
    return tuple(window for window in windows if window is not None)


def _read_steps(place: Cursor | None, files: Files) -> tuple[PlaybookStep, ...]:
    if place is None:
        return ()
    read = [(item, read_step(item, files)) for item in place.items()]
    if not read and place.value.kind == "list":
        place.mistake("no steps: at least one is needed")
    if len(read) > MOST_STEPS:
        place.mistake(f"more than {MOST_STEPS} steps")
    steps = [(item, step) for item, step in read if step is not None]
    check_steps(steps)
    return tuple(step for _, step in steps)


def _reboot_seconds(steps: Sequence[PlaybookStep]) -> int:
    """Return how long a host may take to come back: as long as the reboot steps may."""
    found = [math.ceil(step.timeout_s) for step in steps if step.verb == "reboot"]
    return max(found, default=Rolling().deadline_s)
