"""One step of a playbook: its verb, its arguments, and the file or project that it names.

Whether steps go together is checked in `steps.check`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from clusterctl.errors import InputError
from clusterctl.model.intent import PlaybookStep
from clusterctl.model.inventory import Policy
from clusterctl.model.service import Project
from clusterctl.parsing.compose.playbook import parse_playbook
from clusterctl.parsing.cursor import Cursor, describe
from clusterctl.parsing.scalars import as_text, parse_line, parse_some_duration
from clusterctl.parsing.steps.keys import STEP_KEYS, VERBS, StepVerb, Verb
from clusterctl.parsing.words import quoted
from clusterctl.parsing.yaml_core import Value

MOST_FILE_BYTES = 10 * 1024**2
MOST_FILES_BYTES = 32 * 1024**2
"""All files together: the whole intent is kept on the lock hosts (`planning.runs`)."""

DEFAULT_TIMEOUT_S = 600.0


@dataclass(slots=True)
class Files:
    """What lies beside a playbook, how it is read, and how much of it was read so far."""

    file: str
    data: bytes | str
    read_file: Callable[[str], bytes | str]
    policy: Policy
    has_services: bool = False
    bytes_read: int = field(default=0)

    def read(self, place: Cursor, path: str) -> bytes | None:
        """Return the bytes of a file; a mistake is noted and gives None."""
        try:
            found = self.read_file(path)
        except FileNotFoundError:
            place.mistake(f"no file {quoted(path)}")
            return None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            place.mistake(f"cannot read {quoted(path)}: {reason}")
            return None
        content = found.encode() if isinstance(found, str) else found
        self.bytes_read += len(content)
        if len(content) > MOST_FILE_BYTES:
            place.mistake(f"{quoted(path)} is larger than {MOST_FILE_BYTES // 1024**2} MiB")
        elif self.bytes_read > MOST_FILES_BYTES:
            place.mistake(f"the files of all steps are larger than {MOST_FILES_BYTES // 1024**2} MiB")
        return content

    def own_project(self, place: Cursor) -> Project | None:
        """Return the services that stand in the same file as the steps."""
        if not self.has_services:
            place.mistake("this playbook has no services; name one beside it, such as apply: shop.yaml")
            return None
        return self._parse(place, self.data, self.file, "")

    def project(self, place: Cursor, path: str) -> Project | None:
        """Return the services of a playbook beside this one."""
        data = self.read(place, path)
        if data is None:
            return None
        own_folder, slash, _ = self.file.rpartition("/")
        folder, below, _ = path.rpartition("/")
        return self._parse(place, data, f"{own_folder}{slash}{path}", f"{folder}{below}")

    def _parse(self, place: Cursor, data: bytes | str, file: str, folder: str) -> Project | None:
        """Parse a playbook; its mistakes are noted with its own file and lines."""
        try:
            return parse_playbook(
                data,
                file,
                read_file=lambda path: self._text(f"{folder}{path}"),
                policy=self.policy,
                default_name=file.rpartition("/")[2].rpartition(".")[0],
            )
        except InputError as error:
            for mistake in error.mistakes:
                place.log.add(mistake.line, mistake.message, file=mistake.file)
            return None

    def _text(self, path: str) -> str:
        found = self.read_file(path)
        return found if isinstance(found, str) else found.decode()


def read_step(cursor: Cursor, files: Files) -> PlaybookStep | None:
    """Read a mapping with one verb, and perhaps a name and a timeout."""
    if cursor.value.kind == "str" and _verb_of(cursor.value.text):
        cursor.mistake(f'a step is a mapping: write "{cursor.value.text}:" with a colon')
        return None
    keys = cursor.section((*VERBS, *STEP_KEYS))
    verbs = [verb for verb in VERBS if verb in keys]
    if len(verbs) != 1:
        if cursor.value.kind in {"map", "null"}:
            found = f"; this one has {' and '.join(verbs)}" if verbs else f": one of {', '.join(VERBS)}"
            cursor.mistake(f"a step has one verb{found}")
        return None
    place = keys[verbs[0]]
    step = PlaybookStep(
        verbs[0],
        _read_arguments(place, VERBS[verbs[0]]),
        name=keys["name"].read(as_text(parse_line), "") if "name" in keys else "",
    )
    return _with_files(place, _with_timeout(keys.get("timeout"), place, step), files)


def _verb_of(text: str) -> StepVerb | None:
    return next((verb for verb in VERBS if verb == text), None)


def _read_arguments(cursor: Cursor, verb: Verb) -> dict[str, str]:
    """Read the arguments that are given; nothing at all means the defaults."""
    value = cursor.value
    if verb.short and value.kind not in {"null", "map", "list"}:
        text = cursor.read(verb.arguments[verb.short], None)
        return {} if text is None else {verb.short: text}
    if value.kind not in {"null", "map"}:
        wanted = f"a mapping of {', '.join(verb.arguments)}" if verb.arguments else "nothing after the colon"
        cursor.mistake(f"expected {wanted}, got {describe(value)}")
        return {}
    places = cursor.section(verb.arguments)
    given = {key: place for key, place in places.items() if place.value.kind != "null"}
    for key in verb.needed:
        if key not in given:
            cursor.mistake(f'"{key}" is missing')
    read = {key: place.read(verb.arguments[key], None) for key, place in given.items()}
    return {key: text for key, text in read.items() if text is not None}


def _with_timeout(timeout: Cursor | None, place: Cursor, step: PlaybookStep) -> PlaybookStep:
    """Set how long the step may take; a step that is told how long it takes gets at least so long."""
    given_s = timeout.read(as_text(parse_some_duration), None) if timeout else None
    arguments = dict(step.arguments)
    least_s = 0.0
    if step.verb == "wait":
        arguments = _wait_arguments(place, arguments)
        least_s = float(arguments.get("seconds", 0))
        if timeout and given_s is not None and given_s < least_s:
            timeout.mistake(f"shorter than the wait of {least_s:g} s")
    if step.verb == "drain" and "deadline" in arguments:
        least_s = float(arguments["deadline"])
        if timeout and given_s not in {None, least_s}:
            timeout.mistake("timeout and drain.deadline differ; keep one")
        given_s = least_s
    timeout_s = given_s if given_s is not None else max(DEFAULT_TIMEOUT_S, least_s)
    return replace(step, arguments=arguments, timeout_s=timeout_s)


def _wait_arguments(place: Cursor, arguments: dict[str, str]) -> dict[str, str]:
    """Return one word for the two that a wait may be given."""
    if {"for", "seconds"} <= set(arguments):
        place.mistake("for and seconds say the same; keep one")
    elif _is_empty(place.value):
        place.mistake("how long? Write wait: 30s")
    seconds = arguments.get("for") or arguments.get("seconds")
    return {"seconds": seconds} if seconds else {}


def _is_empty(value: Value) -> bool:
    """Say whether no argument is given."""
    given = [entry for entry in value.entries if entry.value.kind != "null"]
    return value.kind in {"null", "map"} and not given


def _with_files(place: Cursor, step: PlaybookStep, files: Files) -> PlaybookStep:
    """Add what the step names, and note arguments that do not go together."""
    if step.verb == "exec" and step.arguments.get("on") == "operator":
        for key in ("creates", "unless"):
            if key in step.arguments:
                place.mistake(f"{key} is looked at on the host; it does not go with on: operator")
    if step.verb == "copy" and "src" in step.arguments:
        return replace(step, content=files.read(place, step.arguments["src"]) or b"")
    if step.verb == "apply" and "playbook" in step.arguments:
        return replace(step, project=files.project(place, step.arguments["playbook"]))
    if step.verb == "apply" and _is_empty(place.value):
        return replace(step, project=files.own_project(place))
    return step
