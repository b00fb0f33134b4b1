"""Devices and gpus of a container, short and long, as docker run takes them."""

from __future__ import annotations

import re

from clusterctl.parsing.compose.walk import Context, read_section
from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.paths import parse_absolute_path
from clusterctl.parsing.scalars import as_text
from clusterctl.parsing.words import Expected, Unfit

_USUAL_DRIVER = "nvidia"
"""What docker takes for gpus where no driver is named."""
_DEVICE_RULE = re.compile(r"[abc] (?:[0-9]{1,6}|\*):(?:[0-9]{1,6}|\*)")


def parse_device(text: str) -> str:
    """Return `HOST:CONTAINER:RIGHTS` from `HOST[:CONTAINER[:RIGHTS]]`."""
    if text and not text.startswith("/"):
        raise Unfit("a device is a path of the host such as /dev/fuse; names of CDI are not supported")
    parts = text.split(":")
    if not text or len(parts) > 3:
        raise Expected("a device such as /dev/fuse or /dev/sda:/dev/xvda:rw")
    return _device(parts[0], parts[1] if len(parts) > 1 else "", parts[2] if len(parts) > 2 else "")


def _device(source: str, target: str, rights: str) -> str:
    rights = parse_rights(rights) if rights else "rwm"
    return f"{parse_absolute_path(source)}:{parse_absolute_path(target or source)}:{rights}"


def parse_rights(text: str) -> str:
    """Return rights as `rwm`, each of them once; docker takes them in any order."""
    if not re.fullmatch(r"[rwm]{1,3}", text) or len(set(text)) < len(text):
        raise Expected("rights of r, w and m")
    return "".join(right for right in "rwm" if right in text)


def parse_device_rule(text: str) -> str:
    """Return a rule of `--device-cgroup-rule`: kind, numbers, rights."""
    device, _, rights = text.rpartition(" ")
    try:
        if _DEVICE_RULE.fullmatch(device):
            return f"{device} {parse_rights(rights)}"
    except Expected:
        pass
    raise Expected("a rule such as c 1:3 rwm")


def read_devices(cursor: Cursor, context: Context) -> tuple[str, ...]:
    """Read `devices:`, short or long."""
    found = [
        _read_long_device(item, context)
        if item.value.kind == "map"
        else item.read(as_text(parse_device), None)
        for item in cursor.items()
    ]
    return tuple(dict.fromkeys(one for one in found if one))


def _read_long_device(cursor: Cursor, context: Context) -> str:
    keys = read_section(cursor, "services.*.devices[]", context)
    if cursor.value.get("source") is None:
        cursor.mistake('"source" is missing')
    source = keys.get("source")
    return f"{source}:{keys.get('target') or source}:{keys.get('permissions') or 'rwm'}" if source else ""


def read_gpus(cursor: Cursor, context: Context) -> str | None:
    """Read `gpus:`: all, a number, or a list with counts or ids; as `Runtime.gpus` has it."""
    if cursor.value.kind != "list":
        return cursor.read(as_text(parse_gpus), None)
    asked = [_read_gpu(item, context, "services.*.gpus[]") for item in cursor.items()]
    if len(asked) > 1:
        cursor.mistake("one request for gpus is enough: give the ids in one, or a count")
    return asked[0] if asked else None


def read_devices_reserved(cursor: Cursor, context: Context) -> str | None:
    """Read `deploy.resources.reservations.devices`: gpus are the only ones docker can ask for."""
    section = "services.*.deploy.resources.reservations.devices[]"
    asked = [_read_gpu(item, context, section) for item in cursor.items()]
    if len(asked) > 1:
        cursor.mistake("one request for gpus is enough: give the ids in one, or a count")
    return asked[0] if asked else None


def _read_gpu(cursor: Cursor, context: Context, section: str) -> str | None:
    keys = read_section(cursor, section, context)
    wanted = keys.get("capabilities") or (("gpu",) if section == "services.*.gpus[]" else ())
    if "gpu" not in wanted:
        cursor.mistake("capabilities: [gpu] is needed: docker can ask for no other devices")
    if keys.get("count") and keys.get("device_ids"):
        cursor.mistake("count or device_ids, not both")
    fields = [
        f"device={','.join(keys['device_ids'])}" if keys.get("device_ids") else keys.get("count") or "all"
    ]
    more = sorted(set(wanted) - {"gpu"})
    fields += [f"capabilities={','.join(more)}"] if more else []
    fields += [f"driver={keys['driver']}"] if keys.get("driver", _USUAL_DRIVER) != _USUAL_DRIVER else []
    return ";".join(fields)


def parse_gpus(text: str) -> str:
    """Return how many gpus are asked for: all, or a number of up to three digits."""
    if text != "all" and not re.fullmatch(r"[1-9][0-9]{0,2}", text):
        raise Expected("all, a number, or a list")
    return text
