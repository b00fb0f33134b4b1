"""The text of an ssh_config(5): words, blocks of `Host` and `Match`, `Include` written out.

What applies to a host is in `ssh.options`. paramiko's SSHConfig is not used: it passes over `Include`, keeps no line
numbers, runs `Match exec`, and may not be imported here (start-up).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from clusterctl.parsing.outside import Note, Outside, PartLog, decoded
from clusterctl.parsing.words import quoted
from clusterctl.parsing.yaml import Log

MOST_DEEP = 16  # as ssh: READCONF_MAX_DEPTH
MOST_FILES = 1000
CRITERIA = frozenset({"host", "originalhost", "user", "localuser"})

_LINE = re.compile(r"[ \t\f]*(?P<keyword>[A-Za-z0-9]+)(?:[ \t]*=[ \t]*|[ \t]+|$)(?P<rest>.*)")


@dataclass(frozen=True, slots=True)
class Setting:
    """One line: keyword in lower case, words, and where."""

    keyword: str
    words: tuple[str, ...]
    line: int
    log: Log
    written: str


@dataclass(frozen=True, slots=True)
class Condition:
    """When a block applies: a criterion and patterns, one of which must match and no negated one may."""

    criterion: str
    patterns: tuple[str, ...]
    negated: bool = False
    names: frozenset[str] = frozenset()
    """Beside the patterns: names that match as they are; a line may have thousands."""


@dataclass(slots=True)
class Block:
    """Settings that apply where all conditions hold, also those of the blocks that include it."""

    conditions: tuple[Condition, ...]
    settings: list[Setting] = field(default_factory=list)


@dataclass(slots=True)
class SshConfig:
    """All blocks in their order; `names` are the hosts that are named without a pattern, with their lines."""

    blocks: list[Block] = field(default_factory=list)
    names: dict[str, Setting] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)


def read_ssh_config(text: str, log: Log, outside: Outside, *, exec_allowed: bool = False) -> SshConfig:
    """Return the blocks of a configuration; mistakes are noted in `log`, or in that of the file included."""
    reader = _Reader(outside, exec_allowed=exec_allowed)
    reader.read(text, log, (), (log.file,))
    return reader.config


class _Reader:
    def __init__(self, outside: Outside, *, exec_allowed: bool) -> None:
        self.config = SshConfig()
        self._outside = outside
        self._exec_allowed = exec_allowed
        self._files = 0

    def read(self, text: str, log: Log, outer: tuple[Condition, ...], trail: tuple[str, ...]) -> None:
        """Read one file, whose blocks also need the conditions of where it is included."""
        block = self._begin(outer)
        for setting in _settings(text, log):
            if setting.keyword == "host":
                block = self._begin((*outer, self._host(setting)))
            elif setting.keyword == "match":
                block = self._begin((*outer, *self._match(setting)))
            elif setting.keyword == "include":
                self._include(setting, block.conditions, trail)
                block = self._begin(block.conditions)
            else:
                block.settings.append(setting)

    def _begin(self, conditions: tuple[Condition, ...]) -> Block:
        block = Block(conditions)
        self.config.blocks.append(block)
        return block

    def _host(self, setting: Setting) -> Condition:
        if not setting.words:
            setting.log.add(setting.line, "Host needs a name or a pattern")
        for word in setting.words:
            if not any(sign in word for sign in "*?!"):
                self.config.names.setdefault(word, setting)
        names = frozenset(word for word in setting.words if not set("*?!") & set(word))
        return Condition("pattern", tuple(word for word in setting.words if word not in names), names=names)

    def _match(self, setting: Setting) -> Iterator[Condition]:
        words = list(setting.words)
        if not words:
            setting.log.add(setting.line, "Match needs a condition, such as: Match host web*")
        while words:
            word = words.pop(0)
            name, equals, value = word.partition("=")
            negated, criterion = name.startswith("!"), name.removeprefix("!").lower()
            if criterion == "all":
                yield Condition("all", (), negated)
                continue
            if criterion == "final":
                yield Condition("final", (), negated)
                continue
            if criterion == "canonical":
                self._note(setting, "Match canonical never applies here: names are not canonicalised")
                yield Condition("all", (), negated=not negated)
                continue
            argument = value if equals else (words.pop(0) if words else "")
            if not argument:
                setting.log.add(setting.line, f"Match {criterion} needs a value")
            yield self._condition(setting, criterion, argument, negated=negated)

    def _condition(self, setting: Setting, criterion: str, argument: str, *, negated: bool) -> Condition:
        if criterion in CRITERIA:
            return Condition(criterion, tuple(argument.split(",")), negated)
        if criterion == "exec":
            if self._exec_allowed:
                return Condition("exec", (argument,), negated)
            setting.log.add(
                setting.line,
                "Match exec runs a command on this machine: say allow_match_exec: true in the source, or leave it out",
            )
        else:
            setting.log.add(setting.line, f"Match {quoted(criterion)[1:-1]} is not known here")
        return Condition("all", (), negated=True)

    def _include(self, setting: Setting, outer: tuple[Condition, ...], trail: tuple[str, ...]) -> None:
        for pattern in setting.words:
            whole = pattern if pattern.startswith(("/", "~")) else f"~/.ssh/{pattern}"
            paths = self._outside.glob(whole)
            if not paths:
                self._note(setting, f"Include {pattern}: there is no such file ({whole})")
            for path in paths:
                self._include_file(path, setting, outer, trail)

    def _include_file(
        self, path: str, setting: Setting, outer: tuple[Condition, ...], trail: tuple[str, ...]
    ) -> None:
        self._files += 1
        if path in trail:
            setting.log.add(setting.line, f"Include goes in a circle: {' -> '.join((*trail, path)[-4:])}")
        elif len(trail) >= MOST_DEEP:
            setting.log.add(setting.line, f"Include more than {MOST_DEEP} files deep")
        elif self._files > MOST_FILES:
            setting.log.add(setting.line, f"more than {MOST_FILES} files are included")
        else:
            log = PartLog(path, setting.log)
            try:
                data = self._outside.read(path)
            except OSError as error:
                setting.log.add(setting.line, f"Include {path}: {error.strerror or error}")
                return
            self.read(decoded(data, log), log, outer, (*trail, path))

    def _note(self, setting: Setting, words: str) -> None:
        self.config.notes.append(Note(setting.log.file, setting.line, words))


def _settings(text: str, log: Log) -> Iterator[Setting]:
    """Yield the lines that say something."""
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip(" \t\f\r")
        if not stripped or stripped.startswith("#"):
            continue
        found = _LINE.fullmatch(stripped)
        if not found:
            log.add(number, f"no line of an ssh_config: {quoted(stripped)}")
            continue
        words = split_words(found["rest"])
        if words is None:
            log.add(number, f"{found['keyword']}: a quote is not closed")
            continue
        yield Setting(found["keyword"].lower(), words, number, log, found["keyword"])


def split_words(text: str) -> tuple[str, ...] | None:
    """Return the words of a line as ssh splits them: quotes, backslashes, a comment at the end; None: not closed."""
    words: list[str] = []
    word, quote, inside, position = "", "", False, 0
    while position < len(text):
        mark = text[position]
        following = text[position + 1 : position + 2]
        if mark == "\\" and following and (following in "\"'\\" or (following == " " and not quote)):
            word, inside, position = word + following, True, position + 1
        elif quote:
            word, quote = (word, "") if mark == quote else (word + mark, quote)
        elif mark in "\"'":
            quote, inside = mark, True
        elif mark in " \t":
            words += [word] if inside else []
            word, inside = "", False
        elif mark == "#" and not inside:
            break
        else:
            word, inside = word + mark, True
        position += 1
    if quote:
        return None
    words += [word] if inside else []
    return tuple(words)


@lru_cache(maxsize=65536)
def pattern_of(text: str) -> Callable[[str], object]:
    """Return a matcher of a pattern with `*` and `?` (ssh_config(5), PATTERNS); in linear time."""
    parts = [re.escape(part).replace(r"\?", ".") for part in re.sub(r"\*+", "*", text).split("*")]
    if len(parts) == 1 and "?" not in text:
        return text.__eq__
    if len(parts) == 1:
        return re.compile(parts[0]).fullmatch
    first, *middle, last = parts
    return re.compile(f"{first}{''.join(f'(?>.*?{part})' for part in middle)}.*{last}").fullmatch


def matches_any(patterns: Sequence[str], name: str, *, found: bool = False) -> bool:
    """Whether one of the patterns matches (or `found` one has), and no negated one."""
    for pattern in patterns:
        if pattern_of(pattern.removeprefix("!"))(name):
            if pattern.startswith("!"):
                return False
            found = True
    return found
