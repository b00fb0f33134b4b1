"""Variables in a playbook: `$NAME`, `${NAME}` and its forms, as the Compose Specification has them (section "Interpolation").

As in Compose, values are looked at and keys are not, quotes of YAML make no difference, and `$$` is a dollar. A value is
put in once and not looked at again, and no shell sees it. A variable that is not set and has no default is a mistake,
where Compose would warn and go on with nothing. `steps:` is not Compose: what is written there reaches the shell as it is.
Where variables come from is `compose.variables`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.steps.keys import RUN_KEYS
from clusterctl.parsing.words import Unfit, did_you_mean, quoted
from clusterctl.parsing.yaml_core import Value

LONGEST_TEXT = 1_000_000
DEEPEST = 20

Variables = Mapping[str, str]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r":?[-?+]")
_ORDINARY = re.compile(r"[^$}]+|\}")


def interpolate(cursor: Cursor, variables: Variables) -> Value:
    """Return the value with every variable put in and every `$$` as `$`; what cannot be is noted as a mistake."""
    value = cursor.value
    if value.kind == "str" and "$" in value.text:
        return _put_in(cursor, variables)
    if value.kind == "list":
        return replace(value, items=tuple(interpolate(item, variables) for item in cursor.items()))
    if value.kind == "map":
        entries = zip(value.entries, cursor.entries(), strict=True)
        return replace(
            value,
            entries=tuple(replace(entry, value=_below(place, variables)) for entry, (_, place) in entries),
        )
    return value


def _below(place: Cursor, variables: Variables) -> Value:
    """Leave extensions of the file (`x-...` at the top) alone, which nobody reads, and what only steps use."""
    left_alone = place.path.startswith("x-") or place.path in RUN_KEYS
    return place.value if left_alone else interpolate(place, variables)


def _put_in(cursor: Cursor, variables: Variables) -> Value:
    value = cursor.value
    try:
        text, used = substitute(value.text, variables)
    except Unfit as error:
        cursor.mistake(str(error))
        return replace(value, mark="lost")
    return replace(value, text=text, data=text, mark="variable" if used else value.mark)


def substitute(text: str, variables: Variables) -> tuple[str, bool]:
    """Return the text with variables put in, and whether there were any; raises Unfit."""
    parts = _Parser(text).parse()
    found = _evaluate(parts, variables)
    if len(found) > LONGEST_TEXT:
        raise Unfit(f"longer than {LONGEST_TEXT} characters with its variables put in")
    return found, any(isinstance(part, _Variable) for part in parts)


@dataclass(frozen=True, slots=True)
class _Variable:
    """A variable; `operator` one of the six of Compose or "", `word` what stands after it."""

    name: str
    operator: str = ""
    word: tuple[_Variable | str, ...] = ()


_Parts = tuple[_Variable | str, ...]


@dataclass(slots=True)
class _Parser:
    """Reads a text from left to right."""

    text: str
    at: int = 0

    def parse(self, depth: int = 0) -> _Parts:
        """Return the parts up to the end, or in braces (`depth`) to the closing one."""
        if depth > DEEPEST:
            raise Unfit(f"variables are nested more than {DEEPEST} deep")
        parts: list[_Variable | str] = []
        while self.at < len(self.text) and not (depth and self.text[self.at] == "}"):
            parts.append(self._dollar(depth) if self.text[self.at] == "$" else self._match(_ORDINARY))
        return tuple(parts)

    def _match(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return match[0] if match else ""

    def _dollar(self, depth: int) -> _Variable | str:
        start = self.at
        self.at += 1
        if self.text.startswith("$", self.at):
            self.at += 1
            return "$"
        if self.text.startswith("{", self.at):
            return self._braces(start, depth + 1)
        name = self._match(_NAME)
        if not name:
            raise Unfit("a $ that begins no variable: write $$ for a literal $")
        return _Variable(name)

    def _braces(self, start: int, depth: int) -> _Variable:
        self.at += 1
        name, operator = self._match(_NAME), self._match(_OPERATOR)
        word = self.parse(depth) if operator else ()
        if not name or not self.text.startswith("}", self.at):
            end = self.text.find("}", start)
            shown = self.text[start : end + 1 if end >= 0 else len(self.text)]
            raise Unfit(f"{quoted(shown)} is no variable: write $$ for a literal $")
        self.at += 1
        return _Variable(name, operator, word)


def _evaluate(parts: _Parts, variables: Variables) -> str:
    return "".join(part if isinstance(part, str) else _value(part, variables) for part in parts)


def _value(variable: _Variable, variables: Variables) -> str:
    name, operator = variable.name, variable.operator
    value = variables.get(name)
    there = bool(value) if operator.startswith(":") else value is not None
    if operator.endswith("+"):
        return _evaluate(variable.word, variables) if there else ""
    if there and value is not None:
        return value
    if operator.endswith("-"):
        return _evaluate(variable.word, variables)
    if operator.endswith("?"):
        raise Unfit(f"variable {name} is needed: {_evaluate(variable.word, variables) or 'it is not set'}")
    raise Unfit(
        f"variable {name} is not set{did_you_mean(name, variables)}; set it in .env, by --env {name}=VALUE or "
        f"--env-file, or give a default: ${{{name}:-VALUE}}"
    )
