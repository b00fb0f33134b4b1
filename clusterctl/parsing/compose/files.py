"""`configs` and `secrets`, of the file and of a service: files that a container has, with their content.

The content is read here, once, and goes with the service: hosts know no store of secrets (ADR 0025).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal

from clusterctl.model.service import File, Service
from clusterctl.parsing.compose.pairs import read_labels, read_text
from clusterctl.parsing.compose.top import demand_declared, external_keys, external_of, read_declared
from clusterctl.parsing.compose.variables import why_not_set
from clusterctl.parsing.compose.walk import Context, Key, read_section, text_by, value_of
from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.names import parse_variable_name
from clusterctl.parsing.paths import parse_absolute_path, parse_path_beside
from clusterctl.parsing.scalars import as_text, text_of
from clusterctl.parsing.words import Expected, Unfit
from clusterctl.parsing.yaml_core import Value

MOST_BYTES = 500 * 1024
"""The most one file may hold: Swarm's bound for a secret."""
MOST_BYTES_OF_ALL = 1024 * 1024
"""The most that all services of a playbook may hold: manifests lie on every host, in four copies."""

Kind = Literal["config", "secret"]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_SECRETS = "/run/secrets/"


def parse_file_name(text: str) -> str:
    """Return the name of a config or secret."""
    if not _NAME.fullmatch(text):
        raise Expected("a name of letters, digits, '.', '_' or '-', at most 64 long")
    return text


def parse_file_target(text: str) -> str:
    """Return an absolute path, or one that is below /run/secrets or, of a config, below /."""
    parsed = parse_absolute_path(text if text.startswith("/") else f"/{text}")
    if parsed == "/":
        raise Expected("the path of a file")
    return parsed if text.startswith("/") else parsed.removeprefix("/")


def parse_file_mode(value: Value) -> int:
    """Return rights; Compose writes them in octal, with or without a mark, as a number or as text."""
    text = text_of(value)
    if not re.fullmatch(r"(?:0o?)?[0-7]{3,4}", text):
        raise Expected("rights in octal such as 0440")
    mode = int(text.removeprefix("0o"), 8)
    if mode & 0o7000:
        raise Unfit("a file for a container has no setuid, setgid or sticky bit")
    return mode


def parse_id(value: Value) -> int:
    """Return a user's or group's number; hosts do not know the container's names."""
    text = text_of(value)
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise Expected("a number such as 1000")
    return int(text)


def _read_declared(kind: Kind) -> Any:
    return read_declared(parse_file_name, lambda _name, place, context: _content(kind, place, context))


def _content(kind: Kind, cursor: Cursor, context: Context) -> str | None:
    """Return what a config or secret holds: of a file, of a variable, or as it stands in the playbook."""
    keys = read_section(cursor, f"{kind}s.*", context)
    if external_of(cursor, keys)[1]:
        line = next(entry.line for entry in cursor.value.entries if entry.key == "external")
        cursor.mistake(
            f"external: true is not supported: no host keeps {kind}s by themselves; name a file", line
        )
        return None
    ways = ("file", "environment", "content") if kind == "config" else ("file", "environment")
    given = [way for way in ways if cursor.value.get(way) is not None]
    if len(given) != 1:
        words = f"{', '.join(ways[:-1])} or {ways[-1]}"
        cursor.mistake(f"needs {words}" + (", one of them" if len(given) > 1 else ""))
        return None
    text = keys.get(given[0])
    if text is not None and given[0] == "file":
        text = read_text(cursor, text, context)
    if text is not None and len(text.encode()) > MOST_BYTES:
        cursor.mistake(f"holds more than {MOST_BYTES // 1024} KiB")
        return None
    return text


def _read_uses(kind: Kind) -> Any:
    def read(cursor: Cursor, context: Context) -> tuple[File, ...]:
        files = [_read_use(kind, item, context) for item in cursor.items()]
        found = tuple(one for one in files if one)
        targets = [one.target for one in found]
        for target in sorted({one for one in targets if targets.count(one) > 1}):
            cursor.mistake(f"{target} is there twice")
        return found

    return read


def _read_use(kind: Kind, cursor: Cursor, context: Context) -> File | None:
    if cursor.value.kind == "map":
        keys = read_section(cursor, f"services.*.{kind}s[]", context)
        if cursor.value.get("source") is None:
            cursor.mistake('"source" is missing')
    else:
        keys = {"source": cursor.read(lambda value: parse_file_name(text_of(value)), None)}
    name = keys.get("source")
    if not name:
        return None
    demand_declared(cursor, kind, name, context.files.get(f"{kind}s", frozenset()))
    target = keys.get("target") or name
    if not target.startswith("/"):
        target = f"{_SECRETS if kind == 'secret' else '/'}{target}"
    rights = {field: keys[field] for field in ("uid", "gid", "mode") if keys.get(field) is not None}
    return File(kind, name, target, **rights)


def with_contents(service: Service, contents: Mapping[Kind, Mapping[str, str | None]]) -> Service:
    """Return the service with the content of its files; what could not be read is noted already."""
    return replace(
        service,
        files=tuple(
            replace(file, content=contents.get(file.kind, {}).get(file.name) or "") for file in service.files
        ),
    )


def check_sizes(root: Cursor, services: Iterable[Service]) -> None:
    """Note configs and secrets that would make the manifest too large to be looked at."""
    size = sum(len(file.content.encode()) for service in services for file in service.files)
    if size > MOST_BYTES_OF_ALL:
        root.mistake(
            f"configs and secrets of all services hold {size // 1024} KiB together; at most "
            f"{MOST_BYTES_OF_ALL // 1024} are kept on every host",
            1,
        )


def _use_keys(section: str) -> dict[str, Key]:
    return {
        f"{section}[].gid": Key(value_of(parse_id), "0 if left out"),
        f"{section}[].mode": Key(value_of(parse_file_mode), "0444 if left out"),
        f"{section}[].source": Key(text_by(parse_file_name)),
        f"{section}[].target": Key(text_by(parse_file_target)),
        f"{section}[].uid": Key(value_of(parse_id), "0 if left out"),
    }


def read_variable(cursor: Cursor, context: Context) -> str | None:
    """Read the name of a variable and return its value, which no message shows (I9)."""
    name = cursor.read(as_text(parse_variable_name), None)
    if name and name not in context.variables:
        cursor.mistake(why_not_set(name, context.variables))
    return context.variables.get(name) if name else None


_VARIABLE = Key(read_variable, "a variable from .env, --env-file or --env, as ${...} takes it")
_NAME_OF_FILE = Key(text_by(parse_file_name), "ignored: there is no store that would know it")
_FILE = Key(text_by(parse_path_beside), "text, beside the playbook or below; 500 KiB at most")
FILE_KEYS: Mapping[str, Key] = {
    "configs": Key(_read_declared("config"), "1 MiB of configs and secrets in all"),
    "configs.*.content": Key(value_of(text_of)),
    "configs.*.environment": _VARIABLE,
    **external_keys("configs", parse_file_name, "false only"),
    "configs.*.file": _FILE,
    "configs.*.labels": Key(read_labels, "ignored: a file has none"),
    "configs.*.name": _NAME_OF_FILE,
    "secrets": Key(_read_declared("secret"), "1 MiB of configs and secrets in all"),
    "secrets.*.environment": _VARIABLE,
    **external_keys("secrets", parse_file_name, "false only"),
    "secrets.*.file": _FILE,
    "secrets.*.labels": Key(read_labels, "ignored: a file has none"),
    "secrets.*.name": _NAME_OF_FILE,
    "services.*.configs": Key(_read_uses("config"), "at /NAME, or target"),
    **_use_keys("services.*.configs"),
    "services.*.secrets": Key(_read_uses("secret"), "at /run/secrets/NAME, or target; a change restarts"),
    **_use_keys("services.*.secrets"),
}
"""The rows of these keys for the table in `compose.keys`."""
