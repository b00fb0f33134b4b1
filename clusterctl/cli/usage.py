"""What is wrong with a command line, in our words: typer's own do not say what was given."""

from __future__ import annotations

from typing import Any

_EXPECTED = {
    "int_parsing": "a whole number",
    "float_parsing": "a number",
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "{le} or less",
}
"""pydantic's kinds of a mistake, which typer checks values by, and what was expected then."""


def wrong_usage(error: Any) -> str:
    """Return in one sentence what a usage error of typer is about."""
    cause = error.__cause__
    found = cause.errors()[0] if hasattr(cause, "errors") else {}
    if found.get("type") not in _EXPECTED or getattr(error, "param", None) is None:
        return str(error.format_message())
    expected = _EXPECTED[found["type"]].format(**found.get("ctx", {}))
    return f"{error.param.opts[-1]}: expected {expected}, got {str(found['input'])!r}"


def next_step(error: Any) -> str:
    """Return the help page of the verb that was typed wrongly."""
    context = getattr(error, "ctx", None)
    return f"{context.command_path if context else 'clusterctl'} --help"
