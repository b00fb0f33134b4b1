"""Names and addresses of an entry of `hosts:`: ranges written out, one address for each name."""

from __future__ import annotations

from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.names import parse_address, parse_host_name
from clusterctl.parsing.ranges import expand
from clusterctl.parsing.scalars import as_text
from clusterctl.parsing.words import Expected, Unfit, counted, quoted

RESERVED = "all"


def read_names(key: str, place: Cursor) -> tuple[str, ...]:
    """Return the names of one entry; with a mistake in them, none."""
    try:
        names = expand(key)
    except Expected as error:
        place.mistake(error.got(quoted(key)), place.key_line)
        return ()
    except Unfit as error:
        place.mistake(str(error), place.key_line)
        return ()
    return parsed_names(names, place, place.key_line, key)


def parsed_names(names: tuple[str, ...], place: Cursor, line: int, written: str = "") -> tuple[str, ...]:
    """Return the names as they are kept; where one is none a mistake is noted, and there are none."""
    try:
        names = tuple(parse_host_name(name) for name in names)
    except Expected as error:
        place.mistake(error.got(quoted(written or names[0])), line)
        return ()
    if RESERVED in {name.lower() for name in names}:
        place.mistake(f'"{RESERVED}" always means every host; choose another name', line)
    return names


def read_addresses(cursor: Cursor | None, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return one address for each name; without `address:` the names themselves."""
    if cursor is None:
        return names
    addresses = cursor.read(as_text(_parse_addresses), ())
    if addresses and names and len(addresses) != len(names):
        cursor.mistake(f"{counted(len(names), 'host')} but {counted(len(addresses), 'address', 'addresses')}")
    return addresses or names


def _parse_addresses(text: str) -> tuple[str, ...]:
    if text.startswith("["):
        return (parse_address(text),)
    return tuple(parse_address(address) for address in expand(text))


def quietly_expanded(text: str) -> tuple[str, ...]:
    """Return what a range means; nothing where it is none: that was told where it was read."""
    try:
        return expand(text)
    except (Expected, Unfit):
        return ()
