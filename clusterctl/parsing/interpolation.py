"""`$` in a playbook: `$$` is a dollar, variables are refused (not supported yet), as nothing may change unseen.

As in Compose, values are looked at and keys are not, and quotes of YAML make no difference. `steps:` is not
Compose: what is written there reaches the shell as it is.
"""

from __future__ import annotations

import re
from dataclasses import replace

from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.steps_keys import RUN_KEYS
from clusterctl.parsing.words import quoted
from clusterctl.parsing.yaml_core import Value

_DOLLAR = re.compile(r"\$(?:\$|\{[^}]*\}?|[A-Za-z_][A-Za-z0-9_]*|)")


def resolve_dollars(cursor: Cursor) -> Value:
    """Return the value with every `$$` as `$`; a variable is a mistake."""
    value = cursor.value
    if value.kind == "str" and "$" in value.text:
        text = _resolve_text(value.text, cursor)
        return replace(value, text=text, data=text)
    if value.kind == "list":
        return replace(value, items=tuple(resolve_dollars(item) for item in cursor.items()))
    if value.kind == "map":
        entries = zip(value.entries, cursor.entries(), strict=True)
        return replace(
            value, entries=tuple(replace(entry, value=_below(place)) for entry, (_, place) in entries)
        )
    return value


def _below(place: Cursor) -> Value:
    """Leave extensions of the file (`x-...` at the top) alone, which nobody reads, and what only steps use."""
    left_alone = place.path.startswith("x-") or place.path in RUN_KEYS
    return place.value if left_alone else resolve_dollars(place)


def _resolve_text(text: str, cursor: Cursor) -> str:
    def resolve(match: re.Match[str]) -> str:
        if match[0] != "$$":
            cursor.mistake(f"variables are not supported yet: {quoted(match[0])}; write $$ for a literal $")
        return "$"

    return _DOLLAR.sub(resolve, text)
