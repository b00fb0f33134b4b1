"""Host selectors: which hosts an expression means. How ranges are written out is in `ranges`.

Terms are names with ranges (`web[01-03]`), globs (`web*`), `~regex`, `@group` (or its name, where no host has it),
`label=value`, `label!=value` and `all` (or `*`). Operators join them from left to right, none binds tighter, as in
ClusterShell: `,` union, `!` minus, `&` intersection, `^` either but not both. `:` is union too, and `,!`, `:!`, `,&`, `:&`
are `!` and `&`, as Ansible writes them. A leading `!` begins with all hosts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from clusterctl.errors import InputError
from clusterctl.model.host import Host
from clusterctl.model.inventory import Inventory
from clusterctl.parsing.ranges import MOST_NAMES, expand, fold
from clusterctl.parsing.regex import Regex
from clusterctl.parsing.words import Expected, Unfit, did_you_mean, quoted

__all__ = ["Hosts", "Term", "evaluate", "fold", "parse_terms", "select"]

LONGEST_EXPRESSION = 1_000_000
MOST_PROBLEMS = 10
MOST_REGEXES = 100
LONGEST_LABEL = 300

Names = frozenset[str]

_LABEL_TERM = re.compile(r"(?P<key>[^=!\[\]]+)(?P<operator>!?=)(?P<value>[^=]*)")
_MARK = re.compile(r"\[[^\[\]]*\]?|[,:] *(?P<joined>[!&])(?!=)|(?P<plain>[,:&^]|!(?!=))")
_NEXT_LABEL = re.compile(r"[^=,:&^!\[\]]{0,130}!?=")
_BRACKETS = {"(": ")", "[": "]", "{": "}"}
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Term:
    """One term of an expression, and the operator before it."""

    operator: str
    text: str

    @property
    def group(self) -> str:
        """The group's name, where the term is `@group`."""
        return self.text[1:] if self.text.startswith("@") else ""


class Hosts:
    """All that terms can name: hosts, their labels, and groups."""

    def __init__(self, hosts: Iterable[Host], groups: Mapping[str, Names]) -> None:
        self.hosts = tuple(hosts)
        self.names: Names = frozenset(host.name for host in self.hosts)
        self.groups = groups
        self.label_keys = frozenset(key for labels in self._distinct_labels() for key in labels)

    def _distinct_labels(self) -> Iterator[Mapping[str, str]]:
        """Yield each label mapping once; hosts of a range share theirs."""
        yield from {id(host.labels): host.labels for host in self.hosts}.values()


def select(expression: str, inventory: Inventory) -> tuple[Host, ...]:
    """Return the hosts an expression means, in the inventory's order; raises InputError if that is none."""
    hosts = Hosts(inventory.hosts, {name: frozenset(members) for name, members in inventory.groups.items()})
    try:
        chosen, problems = evaluate(parse_terms(expression), hosts)
    except Unfit as error:
        chosen, problems = frozenset(), [str(error)]
    if not problems and not chosen:
        problems = ["no host is left"]
    if problems:
        raise InputError(
            f"{quoted(expression)} selects no hosts",
            details=problems,
            next_step="clusterctl hosts lists hosts and labels",
        )
    return tuple(host for host in inventory.hosts if host.name in chosen)


def parse_terms(expression: str) -> tuple[Term, ...]:
    """Return the terms of an expression; raises Unfit where it cannot be read."""
    if len(expression) > LONGEST_EXPRESSION:
        raise Unfit(f"longer than {LONGEST_EXPRESSION} characters")
    bad = _FORBIDDEN.search(expression)
    if bad:
        raise Unfit(f"the character U+{ord(bad[0]):04X} is not allowed in a selector")
    pieces = list(_split(expression))
    if len(pieces) > 1 and pieces[0] == ("", "") and pieces[1][0] == "!":
        pieces[0] = ("", "all")
    if any(not text for _, text in pieces):
        raise Unfit("a name is missing" if len(pieces) == 1 else "an operator without a name beside it")
    if sum(text.startswith("~") for _, text in pieces) > MOST_REGEXES:
        raise Unfit(f"more than {MOST_REGEXES} regular expressions")
    return tuple(Term(operator, text) for operator, text in pieces)


def _split(expression: str) -> Iterator[tuple[str, str]]:
    """Yield (operator before, text) of each term; operators inside brackets belong to a range or a regex."""
    operator, start = "", 0
    position = _end_of_regex(expression, start)
    while found := _MARK.search(expression, position):
        position = found.end()
        if found["joined"] is None and (found["plain"] is None or _is_in_value(expression, start, found)):
            continue
        yield operator, expression[start : found.start()].strip(" ")
        operator, start = (found["joined"] or found["plain"]).replace(":", ","), position
        position = _end_of_regex(expression, start)
    yield operator, expression[start:].strip(" ")


def _is_in_value(expression: str, start: int, found: re.Match[str]) -> bool:
    """Whether a `:` belongs to the value of a label: behind a `=`, and no other label follows."""
    if found["plain"] != ":" or found.start() - start > LONGEST_LABEL:
        return False
    return "=" in expression[start : found.start()] and not _NEXT_LABEL.match(expression, found.end())


def _end_of_regex(expression: str, start: int) -> int:
    """Return where a term that is a regular expression ends; `start` for any other."""
    while expression.startswith(" ", start):
        start += 1
    if not expression.startswith("~", start):
        return start
    closing: list[str] = []
    position = start
    while position < len(expression):
        mark = expression[position]
        if mark == "\\":
            position += 1
        elif closing and mark == closing[-1]:
            closing.pop()
        elif mark in _BRACKETS and closing[-1:] != ["]"]:
            closing.append(_BRACKETS[mark])
        elif not closing and mark in ",:&!":
            break
        position += 1
    return position


def evaluate(terms: Iterable[Term], hosts: Hosts) -> tuple[Names, list[str]]:
    """Return the names that terms mean, and every problem with them."""
    chosen: Names = frozenset()
    problems: list[str] = []
    join: dict[str, Callable[[Names, Names], Names]] = {
        "!": frozenset.difference,
        "&": frozenset.intersection,
        "^": frozenset.symmetric_difference,
    }
    union: list[Names] = []
    for term in terms:
        named = _names(term.text, hosts, problems)
        if term.operator in join:
            chosen = join[term.operator](chosen.union(*union), named)
            union = []
        else:
            union.append(named)
    return chosen.union(*union), problems


def _names(text: str, hosts: Hosts, problems: list[str]) -> Names:
    """Return what one term means, and note what is wrong with it."""
    try:
        return _meaning(text, hosts)
    except Expected as error:
        problem = error.got(quoted(text))
    except Unfit as error:
        problem = str(error)
    if len(problems) < MOST_PROBLEMS:
        problems.append(problem)
    return frozenset()


def _meaning(text: str, hosts: Hosts) -> Names:
    if text in {"all", "*"}:
        return hosts.names
    if text.startswith("@"):
        return _group(text[1:], hosts)
    if text.startswith("~"):
        return _matching_regex(text[1:], hosts)
    if text in hosts.groups and text not in hosts.names:
        return hosts.groups[text]
    label = _LABEL_TERM.fullmatch(text)
    if label:
        return _labelled(label["key"].strip(" "), label["operator"], label["value"].strip(" "), hosts)
    if " " in text:
        raise Unfit(f'{quoted(text)} holds a space; join names with ","')
    return _named(expand(text), hosts)


def _group(name: str, hosts: Hosts) -> Names:
    if name not in hosts.groups:
        raise Unfit(f"no group {quoted(name)}{did_you_mean(name, hosts.groups)}")
    return hosts.groups[name]


def _labelled(key: str, operator: str, value: str, hosts: Hosts) -> Names:
    if key not in hosts.label_keys:
        raise Unfit(f"no host has a label {quoted(key)}{did_you_mean(key, hosts.label_keys)}")
    wanted = operator == "="
    found = frozenset(host.name for host in hosts.hosts if (host.labels.get(key) == value) is wanted)
    if ":" in value and wanted and not found:
        raise Unfit(f'no host has {quoted(f"{key}={value}")}; join terms with "," where a label comes first')
    return found


def _named(names: tuple[str, ...], hosts: Hosts) -> Names:
    globs = [name for name in names if "*" in name or "?" in name]
    if len(globs) * len(hosts.names) > 100 * MOST_NAMES:
        raise Unfit("too many patterns at once")
    found = {name for name in names if name in hosts.names}
    for name in names if globs else ():
        found |= _matching(name, hosts)
    missing = [name for name in names if name not in hosts.names and name not in globs]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        near = did_you_mean(missing[0], {*hosts.names, *hosts.groups})
        raise Unfit(f"no host named {quoted(missing[0])}{more}{near}")
    return frozenset(found)


def _matching_regex(text: str, hosts: Hosts) -> Names:
    regex = Regex(text)
    found = frozenset(name for name in hosts.names if regex.matches(name))
    if not found:
        raise Unfit(f"no host matches {quoted('~' + text)}")
    return found


def _matching(glob: str, hosts: Hosts) -> Names:
    pattern = _glob_pattern(glob)
    found = frozenset(name for name in hosts.names if pattern.fullmatch(name))
    if not found:
        raise Unfit(f"no host matches {quoted(glob)}")
    return found


def _glob_pattern(glob: str) -> re.Pattern[str]:
    """Translate `*` and `?`; the parts between stars are atomic, so that no pattern can take for ever."""
    first, *rest = (re.escape(part).replace(r"\?", ".") for part in glob.split("*"))
    if not rest:
        return re.compile(first)
    middle = "".join(f"(?>.*?{part})" for part in rest[:-1] if part)
    return re.compile(f"{first}{middle}.*{rest[-1]}")
