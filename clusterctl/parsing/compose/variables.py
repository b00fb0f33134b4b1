"""Where the variables of a playbook come from: `--env`, `--env-file`, else `.env` beside the playbook.

Never by themselves from the operator's environment, so that cron and every laptop plan the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from clusterctl.parsing.compose.dotenv import parse_env_file
from clusterctl.parsing.names import parse_variable_name
from clusterctl.parsing.words import Expected, Unfit, did_you_mean, quoted
from clusterctl.parsing.yaml import Log

DEFAULT_FILE = ".env"


def read_variables(
    given: Mapping[str, str],
    files: Sequence[tuple[str, str]],
    read_file: Callable[[str], str],
    log: Log,
) -> dict[str, str]:
    """Return the variables; of `files` (name, text) the later one counts, and over all what is `given` on the command line.

    Where no file is named, `.env` beside the playbook is read, if it is there.
    """
    found: dict[str, str] = {}
    for name, text in files or _default(read_file, log):
        found |= _variables_of(name, text, log)
    return found | dict(given)


def why_not_set(name: str, variables: Mapping[str, str]) -> str:
    """Return what is said of a variable whose value a key takes; it may be secret, so no command line with it is proposed."""
    return (
        f"variable {name} is not set{did_you_mean(name, variables)}; set it in .env, by --env-file, or give that of your "
        f"environment by --env {name}"
    )


def parse_assignment(text: str) -> tuple[str, str | None]:
    """Return name and value of `NAME=VALUE`; the value is None for a name alone. Raises Expected."""
    name, mark, value = text.partition("=")
    return parse_variable_name(name), value if mark else None


def _default(read_file: Callable[[str], str], log: Log) -> list[tuple[str, str]]:
    try:
        return [(DEFAULT_FILE, read_file(DEFAULT_FILE))]
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        log.add(0, getattr(error, "strerror", None) or "is it UTF-8 text?", file=DEFAULT_FILE)
        return []


def _variables_of(file: str, text: str, log: Log) -> dict[str, str]:
    found: dict[str, str] = {}
    for line, name, value in parse_env_file(text):
        if not line:
            log.add(0, str(value), file=file)
            continue
        try:
            parse_variable_name(name)
        except Expected as error:
            log.add(line, error.got(quoted(name)), file=file)
            continue
        if isinstance(value, Unfit):
            log.add(line, f"{name}: {value}", file=file)
        else:
            found[name] = value
    return found
