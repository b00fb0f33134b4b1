"""How a table is laid out in so many columns of a terminal: pure; `console` prints what comes of it.

Where it does not fit, the widest column gives way first, never the first one. What is too long for its column
goes on below, at a space; a word that is too long by itself is cut, and ends in an ellipsis.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

LEAST = 10
GAP = 2


def lay_out(
    rows: Sequence[Sequence[str]], width: int | None, ellipsis: str = "…"
) -> Iterator[list[list[str]]]:
    """Yield each row as its lines, each line as its padded cells.

    `width` is what the terminal has (columns), None where there is no limit. Cells are safe for a terminal
    already. The first row is the head.
    """
    widths = _fit([max(map(cells, column)) for column in zip(*rows, strict=True)], width)
    for row in rows:
        wrapped = [_wrap(cell, room, ellipsis) for cell, room in zip(row, widths, strict=True)]
        yield [
            [
                _pad(lines[at] if at < len(lines) else "", room)
                for lines, room in zip(wrapped, widths, strict=True)
            ]
            for at in range(max(map(len, wrapped)))
        ]


def cells(text: str) -> int:
    """Return how many columns of a terminal a text takes (Unicode Standard Annex 11)."""
    return len(text) if text.isascii() else sum(map(_cells_of, text))


def _cells_of(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in {"Cf", "Me", "Mn"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"F", "W"} else 1


def _fit(widths: list[int], width: int | None) -> list[int]:
    """Take columns from the widest ones until all fit, or none has more than LEAST."""
    room = None if width is None else width - GAP * (len(widths) - 1)
    while room is not None and sum(widths) > room:
        others = sorted(set(widths[1:]), reverse=True)
        if not others or others[0] <= LEAST:
            break
        widest = [at for at, size in enumerate(widths) if at and size == others[0]]
        below = max(others[1] if len(others) > 1 else LEAST, LEAST)
        give = min(others[0] - below, max(1, (sum(widths) - room) // len(widest)))
        for at in widest[: sum(widths) - room]:
            widths[at] -= give
    return widths


def _wrap(text: str, room: int, ellipsis: str) -> list[str]:
    if cells(text) <= room:
        return [text]
    lines: list[str] = []
    for word in text.split(" "):
        fitting = word if cells(word) <= room else _cut(word, room, ellipsis)
        if lines and cells(lines[-1]) + 1 + cells(fitting) <= room:
            lines[-1] += f" {fitting}"
        else:
            lines.append(fitting)
    return lines


def _cut(word: str, room: int, ellipsis: str) -> str:
    kept = ""
    for character in word:
        if cells(kept) + cells(character) + len(ellipsis) > room:
            break
        kept += character
    return kept + ellipsis


def _pad(text: str, room: int) -> str:
    return text + " " * (room - cells(text))
