"""Node-set syntax: `web[01-20]` written out and folded. Sets are in `selector`.

Ranges are read and folded by ClusterShell's RangeSet, once their size is known. Its NodeSet is not used:
it would read the machine's group files, and rewrites digits beside brackets.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Iterator

from ClusterShell.RangeSet import RangeSet, RangeSetException

from clusterctl.model.names import natural
from clusterctl.parsing.words import Expected, Unfit, quoted

MOST_NAMES = 100_000

_BRACKETS = re.compile(r"\[([^\[\]]*)\]")
_DIGITS = re.compile(r"([0-9]+)")
_RANGE = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9})(?:/([1-9][0-9]{0,8}))?)?")


def expand(text: str) -> tuple[str, ...]:
    """Return the names that a text with ranges stands for, in order; raises Expected or Unfit."""
    if "[" not in text and "]" not in text:
        return (text,)
    parts = _BRACKETS.split(text)
    if any("[" in part or "]" in part for part in parts):
        raise Expected("a range such as web[01-20]")
    sizes = [_size(part, text) for part in parts[1::2]]
    if math.prod(sizes) > MOST_NAMES:
        raise Unfit(f"{quoted(text)} stands for more than {MOST_NAMES} names")
    choices = [_choices(part, text) if index % 2 else [part] for index, part in enumerate(parts)]
    return tuple("".join(chosen) for chosen in itertools.product(*choices))


def _size(inside: str, whole: str) -> int:
    """Count what a bracket holds, repeated names too, without writing it out."""
    total = 0
    for piece in inside.split(","):
        match = _RANGE.fullmatch(piece) if piece.isascii() else None
        if not match:
            raise Expected("a range such as web[01-20]", f"{quoted(piece)} in {quoted(whole)} is none")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise Unfit(f"the range {quoted(piece)} in {quoted(whole)} runs backwards")
        total += (last - first) // int(match[3] or 1) + 1
    return total


def _choices(inside: str, whole: str) -> list[str]:
    try:
        numbers = [number for piece in inside.split(",") for number in RangeSet(piece)]
    except RangeSetException as error:
        raise Unfit(f"the range in {quoted(whole)} cannot be read: {error}") from None
    if len(set(numbers)) != len(numbers):
        raise Unfit(f"the range in {quoted(whole)} names something twice")
    return numbers


def fold(names: Iterable[str]) -> str:
    """Return names as one node set, `db1,web[01-03]`, to show; the order of names does not matter.

    One number per name is folded, the one that differs most (of several the last) among names of the same shape; folding
    several at once takes ClusterShell minutes for a thousand addresses.
    """
    shapes: dict[str, list[list[str]]] = {}
    for name in sorted(set(names), key=natural):
        shapes.setdefault(_DIGITS.sub("0", name), []).append(_DIGITS.split(name))
    return ",".join(itertools.chain.from_iterable(map(_fold_shape, shapes.values())))


def _fold_shape(names: list[list[str]]) -> Iterator[str]:
    """Fold names that differ in their numbers only; each is cut at its numbers."""
    numbers = range(1, len(names[0]), 2)
    axis = max(numbers, key=lambda index: (len({name[index] for name in names}), index), default=0)
    alike: dict[tuple[str, str], list[str]] = {}
    for name in names:
        alike.setdefault(("".join(name[:axis]), "".join(name[axis + 1 :])), []).append(name[axis])
    for (before, after), values in alike.items():
        inside = values[0] if len(values) == 1 else f"[{RangeSet.fromlist(values)}]"
        yield f"{before}{inside}{after}"
