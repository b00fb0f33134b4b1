"""Who holds the lock on a host: what he signed there, as the host tells it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from clusterctl.remote.answer import BadAnswerError, strict_json

_NUMBER = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock on a host, as he signed there. `since_s` and the age are by the host's clock."""

    run: str
    by: str
    command: str
    since_s: int
    epoch: int
    age_s: int


@dataclass(frozen=True, slots=True)
class Busy:
    """A lock host where somebody else holds the lock; `holder` is None in the moment before he signs."""

    host: str
    holder: Holder | None


def parse_holder(text: str, now_s: int) -> Holder | None:
    """Return what a holder signed with, or None where that is no signature."""
    try:
        found = strict_json(text)
        since_s, epoch = number(str(found["since"])), number(str(found["epoch"]))
        run, by, command = (str(found[name]) for name in ("run", "by", "command"))
    except (BadAnswerError, KeyError, TypeError):
        return None
    if since_s is None or epoch is None:
        return None
    return Holder(run, by, command, since_s, epoch, max(0, now_s - since_s))


def number(text: str) -> int | None:
    """Return the moment or epoch that a host names, None where it is neither: a host may send any digits."""
    return int(text) if _NUMBER.fullmatch(text) else None
