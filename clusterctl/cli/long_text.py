"""Long texts of hosts in documents: written a piece at a time, so that they are held once, as the bytes that came."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from clusterctl.remote.text import PIECE_BYTES, pieces, printable


@dataclass(frozen=True, slots=True)
class LongText:
    """Bytes that stand in a document as their text."""

    data: bytes


def text_of(data: bytes) -> str | LongText:
    """Return bytes as text for a document; what is no UTF-8 is shown escaped."""
    return LongText(data) if len(data) > PIECE_BYTES else data.decode("utf-8", "backslashreplace")


def in_parts(
    document: Mapping[str, Any], render: Callable[[Mapping[str, Any]], str], *, yaml: bool = False
) -> Iterator[str]:
    """Yield what `render` makes of a document, its long texts in pieces."""
    import secrets

    mark, longs = f"long{secrets.token_hex(16)}", list[LongText]()

    def swapped(value: Any) -> Any:
        if isinstance(value, LongText):
            longs.append(value)
            return f"{mark}n{len(longs) - 1}n"
        if isinstance(value, Mapping):
            return {key: swapped(item) for key, item in value.items()}
        return [swapped(item) for item in value] if isinstance(value, list | tuple) else value

    text = render(swapped(document))
    if not longs:  # as nearly always, and a line of `logs` must not compile a pattern
        yield text
        return
    for number, part in enumerate(re.split(rf'"?{mark}n(\d+)n"?', text)):
        yield from _quoted(longs[int(part)].data, yaml=yaml) if number % 2 else [part]


def _quoted(data: bytes, *, yaml: bool) -> Iterator[str]:
    """Yield bytes as a quoted text of JSON, or of YAML, whose escapes are those of `printable`."""
    yield '"'
    for piece in pieces(data):
        inner = json.dumps(piece, ensure_ascii=not yaml)[1:-1]
        yield printable(inner) if yaml else inner
    yield '"'
