"""From libyaml's events to values, without recursion: anchors, merge keys, tags, limits.

Sizes and depths are counted as if every alias were written out, before anything walks the tree. Mistakes
that leave the rest readable (a key twice, a tag) are collected; the others end the reading.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import yaml

from clusterctl.parsing.words import quoted
from clusterctl.parsing.yaml_core import CORE_TAGS, TAG, Entry, Kind, Value, resolve_plain

MOST_NODES = 1_000_000
MOST_DEEP = 100


class UnreadableError(Exception):
    """The text cannot be read on from a line."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


@dataclass(frozen=True, slots=True)
class _Built:
    """A finished node; `size` counts nodes, `height` levels below, both with aliases written out."""

    value: Value
    plain: bool = False
    size: int = 1
    height: int = 0


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end was not seen yet."""

    kind: Kind
    line: int
    anchor: str | None
    mark: Literal["", "reset", "override"] = ""
    children: list[_Built] = field(default_factory=list)
    size: int = 1
    height: int = 0

    def add(self, child: _Built) -> None:
        self.children.append(child)
        self.size += child.size
        self.height = max(self.height, child.height + 1)


MERGE_TAGS: dict[str, Literal["reset", "override"]] = {"!reset": "reset", "!override": "override"}
"""Tags of the Compose Specification (section "Merge"); elsewhere no tag of anybody's own is allowed."""


class NodeBuilder:
    """Builds the value of one document; `mistakes` holds (line, message) of what did not stop it.

    Lines are counted on from `base`. With `merges`, the tags of Compose's merge are taken.
    """

    def __init__(self, base: int = 0, *, merges: bool = False) -> None:
        self._base = base
        self._merges = merges
        self.mistakes: list[tuple[int, str]] = []
        self._open: list[_Open] = []
        self._anchors: dict[str, _Built | None] = {}
        self._nodes = 0
        self._documents = 0
        self._root: Value | None = None

    def build(self, events: Iterable[yaml.Event]) -> Value:
        """Return the document's value; raises UnreadableError."""
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._start_document(event)
            elif isinstance(event, yaml.NodeEvent):
                self._node(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._end()
        if self._root is None:
            raise UnreadableError(self._base, "the file is empty")
        return self._root

    def _line(self, event: yaml.Event) -> int:
        return self._base + event.start_mark.line + 1 if event.start_mark else self._base

    def _start_document(self, event: yaml.DocumentStartEvent) -> None:
        self._documents += 1
        if self._documents > 1:
            raise UnreadableError(self._line(event), "a second document begins here; a file holds one")

    def _node(self, event: yaml.NodeEvent) -> None:
        line = self._line(event)
        if isinstance(event, yaml.AliasEvent):
            self._place(self._alias(str(event.anchor), line), line)
            return
        if event.anchor:
            self._anchors[event.anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            built = self._scalar(event, line)
            self._count(1, line)
            self._place(built, line, event.anchor)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._start(event, line)

    def _alias(self, name: str, line: int) -> _Built:
        if name not in self._anchors:
            self.mistakes.append((line, f"no anchor {quoted(name)} before this line"))
            return _Built(Value("null", line))
        target = self._anchors[name]
        if target is None:
            self.mistakes.append((line, f"the alias {quoted(name)} stands inside what it means: a loop"))
            return _Built(Value("null", line))
        self._count(target.size, line)
        return target

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> _Built:
        text: str = event.value
        plain = bool(event.implicit[0])
        kind, data = resolve_plain(text) if plain else ("str", text)
        if event.tag in (None, "!"):
            return _Built(Value(kind, line, data, text), plain)
        if mark := self._merge_mark(event.tag):
            kind, data = resolve_plain(text) if not event.style else ("str", text)
            return _Built(Value(kind, line, data, text, mark=mark))
        wanted = self._tagged(event.tag, line)
        if wanted == "str":
            return _Built(Value("str", line, text, text))
        kind, data = resolve_plain(text)
        if wanted not in (None, kind):
            self.mistakes.append((line, f"{quoted(text)} is not what its tag says"))
        return _Built(Value(kind, line, data, text))

    def _merge_mark(self, tag: str | None) -> Literal["", "reset", "override"]:
        return MERGE_TAGS.get(tag or "", "") if self._merges else ""

    def _tagged(self, tag: str, line: int) -> Kind | None:
        kind = CORE_TAGS.get(tag)
        if kind is None:
            shown = tag.replace(TAG, "!!", 1)
            self.mistakes.append((line, f"the tag {quoted(shown)} is not allowed; leave it out"))
        return kind

    def _start(self, event: yaml.CollectionStartEvent, line: int) -> None:
        kind: Kind = "list" if isinstance(event, yaml.SequenceStartEvent) else "map"
        mark = self._merge_mark(event.tag)
        if not mark and event.tag not in (None, "!") and self._tagged(event.tag, line) not in (None, kind):
            self.mistakes.append(
                (line, f"a {'list' if kind == 'list' else 'mapping'} is not what its tag says")
            )
        self._count(1, line)
        self._check_depth(len(self._open) + 1, line)
        self._open.append(_Open(kind, line, event.anchor, mark))

    def _end(self) -> None:
        done = self._open.pop()
        if done.kind == "list":
            items = tuple(child.value for child in done.children)
            value = Value("list", done.line, items=items, mark=done.mark)
        else:
            value = Value("map", done.line, entries=self._entries(done.children), mark=done.mark)
        self._place(_Built(value, size=done.size, height=done.height), done.line, done.anchor)

    def _place(self, built: _Built, line: int, anchor: str | None = None) -> None:
        if anchor:
            self._anchors[anchor] = built
        if not self._open:
            self._root = built.value
            return
        self._check_depth(len(self._open) + built.height, line)
        self._open[-1].add(built)

    def _count(self, nodes: int, line: int) -> None:
        self._nodes += nodes
        if self._nodes > MOST_NODES:
            raise UnreadableError(line, f"more than {MOST_NODES} values, aliases counted as written out")

    def _check_depth(self, depth: int, line: int) -> None:
        if depth > MOST_DEEP:
            raise UnreadableError(line, f"nested more than {MOST_DEEP} levels deep")

    def _entries(self, children: list[_Built]) -> tuple[Entry, ...]:
        own: dict[str, Entry] = {}
        merged: dict[str, Entry] = {}
        for key, value in zip(children[::2], children[1::2], strict=True):
            if key.plain and key.value.text == "<<":
                self._merge(merged, value.value)
            elif key.value.kind in {"list", "map", "null"}:
                self.mistakes.append((key.value.line, "a key must be text"))
            else:
                self._own(own, Entry(key.value.text, key.value.line, value.value))
        return tuple({**own, **{name: entry for name, entry in merged.items() if name not in own}}.values())

    def _own(self, own: dict[str, Entry], entry: Entry) -> None:
        first = own.setdefault(entry.key, entry)
        if first is not entry:
            self.mistakes.append(
                (entry.line, f"duplicate key {quoted(entry.key)}, first on line {first.line}")
            )

    def _merge(self, merged: dict[str, Entry], value: Value) -> None:
        for source in value.items if value.kind == "list" else (value,):
            if source.kind != "map":
                self.mistakes.append((value.line, "a merge key (<<) takes a mapping or a list of mappings"))
                continue
            for entry in source.entries:
                merged.setdefault(entry.key, entry)
