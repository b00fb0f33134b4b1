"""What volumes, networks, configs and secrets have in common: named at the top of a file, perhaps external, used by services."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from clusterctl.parsing.compose.walk import Context, Key, read_section, text_by
from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.scalars import flag_of
from clusterctl.parsing.words import Expected, did_you_mean, quoted

T = TypeVar("T")


def read_declared(
    parse_name: Callable[[str], str], read_one: Callable[[str, Cursor, Context], T]
) -> Callable[[Cursor, Context], dict[str, T]]:
    """Return a reader of a section at the top: what is declared, by name."""

    def read(cursor: Cursor, context: Context) -> dict[str, T]:
        found: dict[str, T] = {}
        for name, place in cursor.entries():
            try:
                parse_name(name)
            except Expected as error:
                place.mistake(error.got(quoted(name)), place.key_line)
            found[name] = read_one(name, place, context)
        return found

    return read


def demand_declared(cursor: Cursor, kind: str, name: str, declared: Collection[str]) -> None:
    """Note a volume, network, config or secret that the top of the file does not have."""
    if name not in declared:
        near = did_you_mean(name, declared)
        cursor.mistake(f"the {kind} {quoted(name)} is not declared under the file's {kind}s:{near}")


def external_keys(section: str, parse_name: Callable[[str], str], doc: str) -> dict[str, Key]:
    """Return the rows of `external:`, a flag, or as files of old have it a mapping with the name."""

    def read(cursor: Cursor, context: Context) -> bool | dict[str, Any] | None:
        if cursor.value.kind == "map":
            return read_section(cursor, f"{section}.*.external", context)
        return cursor.read(flag_of, None)

    return {
        f"{section}.*.external": Key(read, doc),
        f"{section}.*.external.name": Key(text_by(parse_name), "as files of old have it; the same as name"),
    }


def external_of(cursor: Cursor, keys: Mapping[str, Any]) -> tuple[str, bool]:
    """Return the name that is given, and whether somebody else has made it; notes what cannot be together."""
    external, name = keys.get("external"), keys.get("name") or ""
    if isinstance(external, dict):
        if name and external.get("name") not in {None, name}:
            cursor.mistake("name and external.name are two names; keep name")
        name = name or external.get("name") or ""
    is_external = bool(external) or isinstance(external, dict)
    if is_external and set(keys) - {"external", "name"}:
        cursor.mistake("external: true means that it is there already; leave all but name out")
    return name, is_external
