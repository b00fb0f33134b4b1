"""What an ssh_config says about one host: the first value of each keyword counts, as ssh has it.

How the values become those of an inventory is in `ssh.source`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from clusterctl.parsing.outside import Outside
from clusterctl.parsing.ssh.config import Block, Condition, Setting, SshConfig, matches_any
from clusterctl.parsing.words import Unfit, quoted

SEVERAL = frozenset({"identityfile", "certificatefile"})
"""Keywords of which all values count."""
_ONE_OF_TWO = {"proxycommand": "proxyjump", "proxyjump": "proxycommand"}
_TOKEN = re.compile(r"%(.?)|(\$\{)")


@dataclass(slots=True)
class Options:
    """What applies to a host: by keyword, and in `several` where all lines count."""

    name: str
    first: dict[str, Setting] = field(default_factory=dict)
    several: dict[str, list[Setting]] = field(default_factory=dict)

    def word(self, keyword: str) -> str:
        """Return the first word of a keyword, or nothing."""
        setting = self.first.get(keyword)
        return setting.words[0] if setting and setting.words else ""

    def text(self, keyword: str) -> str:
        """Return all words of a keyword."""
        setting = self.first.get(keyword)
        return " ".join(setting.words) if setting else ""


class Evaluator:
    """Finds what applies to a host; which blocks name it is looked up, so that thousands of hosts are no matter."""

    def __init__(self, config: SshConfig, outside: Outside, run_match: Callable[[str], bool]) -> None:
        self._config = config
        self._outside = outside
        self._run_match = run_match

    @cached_property
    def _index(self) -> tuple[Mapping[str, list[int]], list[int]]:
        """The blocks that only hosts of certain names can be in, by name, and all others."""
        named: dict[str, list[int]] = {}
        others: list[int] = []
        for number, block in enumerate(self._config.blocks):
            exact = _exact_names(block)
            for name in exact or ():
                named.setdefault(name, []).append(number)
            if exact is None:
                others.append(number)
        return named, others

    def options(self, name: str, address: str = "") -> Options:
        """Return what applies to `ssh NAME`; `address` is what is known of it from elsewhere.

        Where a block says `Match final`, all blocks are gone through once more, as ssh does.
        """
        found = Options(name)
        named, others = self._index
        numbers = sorted({*named.get(name, ()), *others})
        for final in (False, True) if self._goes_twice else (False,):
            for block in (self._config.blocks[number] for number in numbers):
                if all(self._holds(condition, found, address, final=final) for condition in block.conditions):
                    for setting in block.settings:
                        _take(setting, found)
        return found

    @cached_property
    def _goes_twice(self) -> bool:
        return any(one.criterion == "final" for block in self._config.blocks for one in block.conditions)

    def _holds(self, condition: Condition, found: Options, address: str, *, final: bool) -> bool:
        login = self._outside.login
        match condition.criterion:
            case "all":
                holds = True
            case "final":
                holds = final
            case "pattern" | "originalhost":
                holds = matches_any(condition.patterns, found.name, found=found.name in condition.names)
            case "host":
                host = expand_tokens(found.word("hostname"), {"h": found.name}, lenient=True)
                holds = matches_any(condition.patterns, (host or address or found.name).lower())
            case "user":
                holds = matches_any(condition.patterns, found.word("user") or login)
            case "localuser":
                holds = matches_any(condition.patterns, login)
            case _:
                values = {"h": found.word("hostname") or found.name, "n": found.name}
                values |= {"r": found.word("user") or login, "u": login, "d": self._outside.home}
                values["p"] = found.word("port") or "22"
                holds = self._run_match(expand_tokens(condition.patterns[0], values, lenient=True))
        return holds is not condition.negated


def _exact_names(block: Block) -> frozenset[str] | None:
    """Return the only names a block can be about; None where that is not known."""
    for condition in reversed(block.conditions):
        if condition.criterion == "pattern" and not condition.patterns:
            return condition.names
    return None


def _take(setting: Setting, found: Options) -> None:
    keyword = setting.keyword
    if keyword in SEVERAL:
        known = found.several.setdefault(keyword, [])
        if setting.words not in [one.words for one in known]:
            known.append(setting)
    elif _ONE_OF_TWO.get(keyword) not in found.first:
        found.first.setdefault(keyword, setting)


def expand_tokens(text: str, values: Mapping[str, str], *, lenient: bool = False) -> str:
    """Return the text with `%h` and the like put in; raises Unfit for what is not known, unless `lenient`."""

    def put_in(match: re.Match[str]) -> str:
        found = match[1]
        if found == "%":
            return "%"
        if found in values:
            return values[found]
        if lenient:
            return match[0]
        if match[2]:
            raise Unfit(f"variables of the environment are not put in, in {quoted(text)}")
        raise Unfit(f"the token {quoted('%' + (found or ''))} is not known here, in {quoted(text)}")

    return _TOKEN.sub(put_in, text)


def settings_of(config: SshConfig) -> Iterator[Setting]:
    """Yield every line that is not Host, Match or Include."""
    for block in config.blocks:
        yield from block.settings
