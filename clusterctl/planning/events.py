"""What happened to a cluster: the lines that hosts wrote into their journals, and what only this machine knows. Pure.

A host writes a line for every change to it, whoever made it (`remote/shell/base.sh`). The audit of this machine adds what
no host wrote: what failed, the power of hosts, and changes to hosts that do not answer now.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any

_CHANGE = re.compile(
    r"epoch (?P<epoch>[0-9]{1,18}), (?P<during>.*?) by (?P<who>\S+) pid [0-9]+: (?P<words>.*)", re.DOTALL
)
MOST_HAPPENINGS = 20_000
"""Of one host; more are not read."""
_LONGEST_LINE_BYTES = 64 * 1024
_BOOKKEEPING = ("record run ", "write manifest ")
_STEPS = {
    "ApplyUnit": "apply",
    "RemoveUnit": "remove",
    "StopUnit": "stop",
    "PullImage": "pull",
    "WriteManifest": "manifest",
    "SetMarker": "mark",
    "ClearMarker": "unmark",
    "Fence": "fence off",
}


@dataclass(frozen=True, slots=True, order=True)
class Happening:
    """One line: when (Unix seconds, by the clock of who wrote it), of which host, by whom, what, during which verb.

    `epoch`: the number of the change; 0 where nobody wrote it.
    """

    at_s: int
    host: str
    who: str
    words: str
    during: str = ""
    epoch: int = 0


def journal_script(since_s: int) -> str:
    """Return the script that prints our lines of a host's journal since then, as JSON (journalctl(1))."""
    words = "journalctl --quiet --no-pager --output=json --output-fields=MESSAGE --identifier=clusterctl"
    return f"exec {words} --since=@{since_s} </dev/null\n"


def parse_journal(host: str, said: bytes) -> list[Happening]:
    """Return what a host's journal says, MOST_HAPPENINGS at most.

    Lines that are no such JSON, that are longer than any of ours, and our bookkeeping are left out.
    """
    found: list[Happening] = []
    for line in BytesIO(said):
        if len(found) == MOST_HAPPENINGS:
            break
        if len(line) > _LONGEST_LINE_BYTES:
            continue
        try:
            entry = json.loads(line)
            at_s = int(entry["__REALTIME_TIMESTAMP"]) // 1_000_000
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            continue
        message = message_text(entry.get("MESSAGE"))
        change = _CHANGE.fullmatch(message)
        if change is None:
            found.append(Happening(at_s, host, "", message))
        elif not change["words"].startswith(_BOOKKEEPING):
            who, words, during = change["who"], change["words"], change["during"]
            found.append(Happening(at_s, host, who, words, during, int(change["epoch"])))
    return found


def parse_audit(
    lines: Iterable[str],
    cluster: str,
    since_s: float,
    silent: Collection[str],
    written: Iterable[Happening] = (),
) -> list[Happening]:
    """Return what the audit knows of a cluster and no host has written; `silent` hosts do not answer now.

    `written` is what the journals of the hosts say: a failure that stands there is not told a second time.
    """
    known = {
        (one.host, str(one.epoch), word)
        for one in written
        if (failed := one.words.removesuffix(": failed")) != one.words
        for word in (failed.split()[:1] + failed.split()[-1:])
    }
    found = []
    for line in lines:
        try:
            entry = json.loads(line)
            at_s = int(datetime.fromisoformat(entry["when"]).timestamp())
            step, host, result = str(entry["step"]), str(entry["host"]), str(entry["result"])
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            continue
        ours = entry.get("cluster") == cluster and at_s >= since_s
        power = step == "Fence" or step.startswith("fence ")
        about = str(entry.get("instance") or _STEPS.get(step, step))
        unheard = result == "failed" and (host, str(entry.get("epoch")), about) not in known
        if ours and (unheard or power or host in silent):
            found.append(Happening(at_s, host, str(entry.get("who", "")), _words(entry, step, result)))
    return found


def _words(entry: dict[str, Any], step: str, result: str) -> str:
    what = " ".join(word for word in (_STEPS.get(step, step), str(entry.get("instance", ""))) if word)
    detail = str(entry.get("detail", ""))
    return f"{what}: {result}" + (f" ({detail})" if detail else "")


def message_text(value: Any) -> str:
    """Return a journal message; bytes that are no UTF-8 come as a list of numbers."""
    if isinstance(value, list):
        raw = bytes(byte for byte in value if isinstance(byte, int) and 0 <= byte < 256)
        return raw.decode("utf-8", "backslashreplace")
    return "" if value is None else str(value)
