"""How parsing speaks: quoting of what was read, "did you mean", and the two ways a value can be wrong.

Whatever a file or a person wrote is shown escaped and cut, so that no message carries raw control marks.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable

LONGEST_QUOTE = 80
MOST_CANDIDATES = 1000


class Expected(ValueError):  # noqa: N818 - read as a sentence: raise Expected("a port")
    """A value is not what it must be; `what` says what was expected, `hint` how to mend it."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(f"expected {what}")
        self.what = what
        self.hint = hint

    def got(self, found: str) -> str:
        """Return the whole sentence, with what was found instead."""
        hint = f": {self.hint}" if self.hint else ""
        return f"{self}, got {found}{hint}"


class Unfit(ValueError):  # noqa: N818 - read as a sentence: raise Unfit("...")
    """A value of the right form that cannot be taken; the text says why."""


def quoted(text: str) -> str:
    """Return the text in double quotes, escaped to ASCII and cut at 80 characters."""
    cut = text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 3] + "..."
    return json.dumps(cut).replace("\x7f", "\\u007f")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean "x"?` for the nearest known word, or nothing."""
    near = difflib.get_close_matches(word[:LONGEST_QUOTE], _candidates(word, list(known)), n=1)
    return f"; did you mean {quoted(near[0])}?" if near else ""


def _candidates(word: str, known: list[str]) -> list[str]:
    """Return the words worth a comparison: of many, some of like length that begin alike."""
    if len(known) <= MOST_CANDIDATES:
        return known
    alike = [other for other in known if other[:1] == word[:1] and abs(len(other) - len(word)) <= 1]
    return sorted(alike)[:MOST_CANDIDATES]


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return `1 host` or `3 hosts`."""
    return f"{number} {noun}" if number == 1 else f"{number} {plural or noun + 's'}"
