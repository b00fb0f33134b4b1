"""The top-level `volumes:`: names, and how docker makes a volume. Data stays on its host whatever the driver is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from clusterctl.model.service import Service, Volume
from clusterctl.parsing.compose.pairs import read_labels, read_pairs
from clusterctl.parsing.compose.top import external_keys, external_of, read_declared
from clusterctl.parsing.compose.walk import Context, Key, read_section, text_by
from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.names import parse_volume_name
from clusterctl.parsing.words import Expected, quoted

_DRIVER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127}")
_OPTION = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")


def read_volumes(cursor: Cursor, context: Context) -> dict[str, Volume]:
    """Read the declared volumes, in the order of their names."""
    return dict(sorted(read_declared(parse_volume_name, _read_volume)(cursor, context).items()))


def _read_volume(_name: str, cursor: Cursor, context: Context) -> Volume:
    keys = read_section(cursor, "volumes.*", context)
    name, external = external_of(cursor, keys)
    options = keys.get("driver_opts") or {}
    labels = keys.get("labels") or {}
    driver = keys.get("driver") or ""
    return Volume(
        name,
        external,
        "" if driver == "local" and not options else driver,
        tuple(sorted(options.items())),
        tuple(sorted(labels.items())),
    )


def parse_driver(text: str) -> str:
    """Return the name of a volume driver, a plugin of docker."""
    if not _DRIVER.fullmatch(text):
        raise Expected("the name of a volume driver such as local")
    return text


def read_options(cursor: Cursor, _context: Context) -> dict[str, str]:
    """Read the options of a driver, such as `type: nfs`."""
    found: dict[str, str] = {}
    for place, name, value in read_pairs(cursor):
        if not _OPTION.fullmatch(name) or value is None or not value.isprintable():
            place.mistake(f"expected an option with a value of one line, got {quoted(name)}")
        else:
            found[name] = value
    return found


def with_volumes(service: Service, volumes: Mapping[str, Volume]) -> Service:
    """Return the service with what is declared of the volumes it mounts."""
    plain = Volume()
    return replace(
        service,
        mounts=tuple(
            replace(mount, volume=volumes.get(mount.source, plain)) if mount.kind == "volume" else mount
            for mount in service.mounts
        ),
    )


VOLUME_KEYS: Mapping[str, Key] = {
    "volumes": Key(
        read_volumes, "a volume stays on its host; a changed driver changes no volume that is there"
    ),
    "volumes.*.driver": Key(text_by(parse_driver), "local, or a plugin that every host has"),
    "volumes.*.driver_opts": Key(read_options, "no secrets: every user of a host can read them"),
    **external_keys("volumes", parse_volume_name, "only hosts that have it are asked"),
    "volumes.*.labels": Key(read_labels),
    "volumes.*.name": Key(text_by(parse_volume_name), "PROJECT_NAME if left out"),
}
"""The rows of these keys for the table in `compose.keys`."""
