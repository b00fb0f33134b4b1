"""`healthcheck`: docker's health check, its test in the form docker takes."""

from __future__ import annotations

from clusterctl.model.service import HealthCheck
from clusterctl.parsing.compose.command import read_arguments
from clusterctl.parsing.compose.walk import Context, read_section
from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.scalars import as_text
from clusterctl.parsing.words import Expected

FIELDS = {
    "interval": "interval_s",
    "timeout": "timeout_s",
    "retries": "retries",
    "start_period": "start_period_s",
    "start_interval": "start_interval_s",
}
_FROM_THE_IMAGE = {"interval_s": 0.0, "timeout_s": 0.0, "retries": 0, "start_period_s": 0.0}


def read_healthcheck(cursor: Cursor, context: Context) -> HealthCheck | None:
    """Read a health check; one that is disabled has the test NONE, one without a test tunes the image's."""
    keys = read_section(cursor, "services.*.healthcheck", context)
    if keys.get("disable"):
        return HealthCheck(("NONE",))
    given = {field: keys[key] for key, field in FIELDS.items() if keys.get(key) is not None}
    if cursor.value.get("test") is not None:
        return HealthCheck(keys.get("test") or ("NONE",), **given)
    return HealthCheck((), **{**_FROM_THE_IMAGE, **given}) if given else None


def read_test(cursor: Cursor, _context: Context) -> tuple[str, ...] | None:
    """Read a test: text is for the container's shell, a list says CMD, CMD-SHELL or NONE first."""
    if cursor.value.kind != "list":
        text = cursor.read(as_text(_parse_shell_test), None)
        return None if text is None else ("CMD-SHELL", text)
    words = read_arguments(cursor)
    kind = words[0] if words else ""
    lengths = {"NONE": range(1, 2), "CMD-SHELL": range(2, 3), "CMD": range(2, 10_000)}
    if kind not in lengths:
        cursor.mistake("a test begins with CMD, CMD-SHELL or NONE")
    elif len(words) not in lengths[kind]:
        cursor.mistake(
            {"NONE": "NONE stands alone", "CMD": "CMD needs a command"}.get(kind, "CMD-SHELL takes one text")
        )
    return words


def _parse_shell_test(text: str) -> str:
    if not text or "\0" in text:
        raise Expected("a command or a list")
    return text
