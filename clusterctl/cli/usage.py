"""What is wrong with a command line, in our words: typer's own do not say what was given."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

_EXPECTED = {
    "int_parsing": "a whole number",
    "float_parsing": "a number",
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "{le} or less",
}
"""pydantic's kinds of a mistake, which typer checks values by, and what was expected then."""
_ELSEWHERE = {
    "deploy": "apply", "up": "apply", "down": "delete", "rm": "delete", "remove": "delete", "ls": "ps",
    "list": "ps", "top": "facts", "nodes": "hosts", "ping": "hosts", "check": "validate", "describe": "explain",
    "migrate": "move", "evacuate": "drain", "shell": "ssh", "copy": "cp", "unlock": "lock", "upgrade": "update", "help": "--help",
    "--parallel": "--workers", "--forks": "--workers", "--concurrency": "--workers", "--limit": "--hosts", "--check": "--dry-run",
    "--force": "--overwrite",
}  # fmt: skip
"""What other tools call it."""


def wrong_usage(error: Any) -> str:
    """Return in one sentence what a usage error of typer is about."""
    cause, param = error.__cause__, getattr(error, "param", None)
    found = cause.errors()[0] if hasattr(cause, "errors") else {}
    if hasattr(error, "possibilities"):
        return _no_option(error.ctx, error.option_name)
    if param is None:
        return _too_many(error) or str(error.format_message())
    name = param.opts[-1] if param.param_type_name == "option" else param.metavar or param.name.upper()
    if hasattr(error, "param_type"):
        return f"{name} is missing"
    if found.get("type") not in _EXPECTED:
        return f"{name}: {error.message}"
    expected = _EXPECTED[found["type"]].format(**found.get("ctx", {}))
    return f"{name}: expected {expected}, got {str(found['input'])!r}"


def _too_many(error: Any) -> str:
    """Return that a word is one too many, and how several hosts are named; empty where it is about something else."""
    found = re.match(r"Got unexpected extra argument(?:s|\(s\))? \((.*)\)", str(error.format_message()))
    if found is None:
        return ""
    names = [one.name for one in error.ctx.command.params if one.param_type_name == "argument"]
    several = {"hosts", "selector"} & set(names[-1:])
    return f"too many words: {found[1]}{'; several hosts are one word: web1,web2' if several else ''}"


def next_step(error: Any) -> str:
    """Return the help page of the verb that was typed wrongly."""
    context = getattr(error, "ctx", None)
    return f"{context.command_path if context else 'clusterctl'} --help"


def no_verb(path: str, word: str, verbs: Iterable[str]) -> str:
    """Return that there is no such verb, and what may have been meant."""
    known = list(verbs)
    other = [name for name in [_ELSEWHERE.get(word, "")] if name in {*known, "--help"}]
    return f"{path} has no verb {word!r}{_meant(other or get_close_matches(word, known))}"


def _no_option(context: Any, option: str) -> str:
    commands = [context.command, context.find_root().command]
    known = {
        name for command in commands for one in command.params for name in (*one.opts, *one.secondary_opts)
    }
    names = sorted(name for name in known if name.startswith("-"))
    other = [name for name in [_ELSEWHERE.get(option, "")] if name in known]
    meant = _meant(other or get_close_matches(option, names, cutoff=0.75))
    return f"{context.command_path} has no option {option}{meant}"


def _meant(names: Iterable[str]) -> str:
    found = " or ".join(names)
    return f": did you mean {found}?" if found else ""
