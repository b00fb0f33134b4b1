"""`blkio_config`: weights and rates of block devices, as the options docker run takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from clusterctl.parsing.compose.walk import Context, Key, read_section, text_by, value_of
from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.paths import parse_absolute_path
from clusterctl.parsing.scalars import parse_some_size, whole_number

_WEIGHT = value_of(whole_number(10, 1000))
_SECTION = "services.*.blkio_config"
_RATES = ("device_read_bps", "device_read_iops", "device_write_bps", "device_write_iops")


def read_blkio(cursor: Cursor, context: Context) -> tuple[str, ...]:
    """Read `blkio_config:` as options without dashes, such as `blkio-weight=300`."""
    keys = read_section(cursor, _SECTION, context)
    words = [f"blkio-weight={keys['weight']}"] if keys.get("weight") else []
    for name in ("weight_device", *_RATES):
        words += keys.get(name) or ()
    return tuple(words)


def _devices(key: str, option: str, figure: str) -> Callable[[Cursor, Context], tuple[str, ...]]:
    def read(cursor: Cursor, context: Context) -> tuple[str, ...]:
        words = []
        for item in cursor.items():
            keys = read_section(item, f"{_SECTION}.{key}[]", context)
            for name in ("path", figure):
                if item.value.kind == "map" and item.value.get(name) is None:
                    item.mistake(f'"{name}" is missing')
            if keys.get("path") and keys.get(figure):
                words.append(f"{option}={keys['path']}:{keys[figure]}")
        return tuple(words)

    return read


def _rate(key: str) -> dict[str, Key]:
    figure = (
        Key(text_by(parse_some_size), "a second") if key.endswith("bps") else Key(value_of(whole_number(1)))
    )
    return {
        f"{_SECTION}.{key}": Key(_devices(key, key.replace("_", "-"), "rate")),
        f"{_SECTION}.{key}[].path": Key(text_by(parse_absolute_path)),
        f"{_SECTION}.{key}[].rate": figure,
    }


BLKIO_KEYS: Mapping[str, Key] = {
    f"{_SECTION}.weight": Key(_WEIGHT, "10 to 1000"),
    f"{_SECTION}.weight_device": Key(_devices("weight_device", "blkio-weight-device", "weight")),
    f"{_SECTION}.weight_device[].path": Key(text_by(parse_absolute_path)),
    f"{_SECTION}.weight_device[].weight": Key(_WEIGHT),
    **{path: row for key in _RATES for path, row in _rate(key).items()},
}
"""The rows of these keys for the table in `compose.keys`."""
