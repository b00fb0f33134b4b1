"""`post_start` and `pre_stop`: commands in a container after it has started, and before it is stopped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clusterctl.model.service import ServiceHook
from clusterctl.parsing.compose.command import read_words
from clusterctl.parsing.compose.walk import Context, Key, read_section, text_by, value_of
from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.names import parse_container_user
from clusterctl.parsing.paths import parse_absolute_path
from clusterctl.parsing.scalars import flag_of


def _read_hooks(name: str) -> Any:
    def read(cursor: Cursor, context: Context) -> tuple[ServiceHook, ...]:
        hooks = (_read_hook(item, f"services.*.{name}[]", context) for item in cursor.items())
        return tuple(hook for hook in hooks if hook)

    return read


def _read_hook(cursor: Cursor, section: str, context: Context) -> ServiceHook | None:
    keys = read_section(cursor, section, context)
    if not keys.get("command"):
        if cursor.value.kind == "map" and not cursor.value.get("command"):
            cursor.mistake('"command" is missing')
        return None
    return ServiceHook(
        keys["command"], keys.get("user") or "", keys.get("working_dir") or "", bool(keys.get("privileged"))
    )


def _rows(name: str, doc: str) -> dict[str, Key]:
    section = f"services.*.{name}"
    return {
        section: Key(_read_hooks(name), doc),
        f"{section}[].command": Key(read_words, "needed; text is cut by shell rules, no shell runs"),
        f"{section}[].privileged": Key(value_of(flag_of), "policy.allow.privileged"),
        f"{section}[].user": Key(text_by(parse_container_user)),
        f"{section}[].working_dir": Key(text_by(parse_absolute_path)),
    }


HOOK_KEYS: Mapping[str, Key] = {
    **_rows(
        "post_start",
        "in the running container, before it must be healthy; 60 s each, a failure ends the start",
    ),
    **_rows("pre_stop", "before the stop signal, stop_grace_period each; a failure changes nothing"),
}
"""The rows of these keys for the table in `compose.keys`."""
