"""What could stand at the cursor: for shells, from files of this machine, never a connection.

The names of hosts, groups and instances come from `names`. How a shell asks is in its script (`completion/`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from clusterctl.cli.console import COLOURS, FORMS
from clusterctl.cli.names import Names, recall
from clusterctl.cli.verbs import VERBS

FILES = ":files"
NO_SPACE = ":nospace"
OPERATORS = ",!&^:"
SHELLS = ("bash", "fish", "zsh")
Found = tuple[str, str]
"""What could stand there, and in few words what it is."""


def complete(line: str, inventory: str) -> list[Found]:
    """Return what could be the last word of a line that begins with our name, sorted.

    `:files` stands for files, `:nospace` says that the word goes on. `inventory` is read unless the line names
    another one.
    """
    import typer

    from clusterctl.cli.app import app

    words = split(line)
    typed, current = words[1:-1], words[-1] if len(words) > 1 else ""
    walk = Walk(typer.main.get_command(app))
    for word in typed:
        walk.step(word)
    if current.startswith("--") and "=" in current:
        option, _, value = current.partition("=")
        walk.step(option)
        return [(f"{option}={text}", said) for text, said in walk.values(value, inventory) if text[:1] != ":"]
    if current.startswith("-") and walk.waiting is None and not walk.ended:
        return sorted((name, said) for name, said in walk.options() if name.startswith(current))
    return list(walk.values(current, inventory))


def split(line: str) -> list[str]:
    """Return the words of a line as a shell would; a quote that is still open ends with the line."""
    words, word, quote, any_yet = [], "", "", False
    for char in line:
        if quote:
            word, quote = (word, "") if char == quote else (word + char, quote)
        elif char in "'\"":
            quote, any_yet = char, True
        elif char.isspace():
            if word or any_yet:
                words.append(word)
            word, any_yet = "", False
        else:
            word += char
    return [*words, word]


class Walk:
    """Where a line has come to: the verb, the option whose value is next, the arguments that were given."""

    def __init__(self, root: Any) -> None:
        self.root = self.command = root
        self.path: list[str] = []
        self.waiting: Any = None
        self.given = 0
        self.inventory = ""
        self.ended = False

    def step(self, word: str) -> None:
        """Take one whole word."""
        if self.waiting is not None:
            if self.waiting.name == "inventory":
                self.inventory = word
            self.waiting = None
        elif word == "--":
            self.ended = True
        elif word.startswith("-") and not self.ended:
            name, sign, value = word.partition("=")
            found = next((p for p in self._params() if name in p.opts), None)
            if found is not None and not getattr(found, "is_flag", False):
                self.waiting = found
                if sign:
                    self.step(value)
        elif hasattr(self.command, "commands"):
            self.command = self.command.commands.get(word)
            self.path.append(word)
        else:
            self.given += 1

    def options(self) -> Iterator[Found]:
        """Yield the options that may stand here: the verb's, then ours."""
        for param in self._params():
            for name in param.opts:
                if name.startswith("--"):
                    yield name, (param.help or "").partition(".")[0].partition(";")[0]
        yield "--help", "Show this message and exit"

    def values(self, current: str, inventory: str) -> Iterator[Found]:
        """Yield what a word that is no option may be."""
        names: list[Names] = []

        def known() -> Names:
            names[:] = names or [recall(self.inventory or inventory)]
            return names[0]

        if self.waiting is not None:
            yield from _of_option(self.waiting.name, current, known)
        elif self.command is not None and hasattr(self.command, "commands"):
            yield from _starting(current, self._verbs())
        elif not self.ended and (kind := self._argument()):
            yield from _of_kind(kind, current, known)

    def _verbs(self) -> Iterator[Found]:
        if self.command is self.root:
            return iter([(name, row[1].partition(";")[0]) for name, row in VERBS.items()])
        return iter([(name, one.get_short_help_str(60)) for name, one in self.command.commands.items()])

    def _params(self) -> list[Any]:
        own = [] if self.command in {None, self.root} else self.command.params
        named = {name for param in own for name in param.opts}
        ours = [param for param in self.root.params if named.isdisjoint(param.opts)]
        return [param for param in [*own, *ours] if param.param_type_name == "option"]

    def _argument(self) -> str:
        """Return the kind of the argument that is next; the last one may be a list."""
        arguments = [p for p in getattr(self.command, "params", ()) if p.param_type_name == "argument"]
        if not arguments or (self.given >= len(arguments) and arguments[-1].nargs != -1):
            return ""
        name = arguments[min(self.given, len(arguments) - 1)].name
        return KINDS.get(f"{self.path[0]} {name}", KINDS.get(name, ""))


KINDS = {
    "selector": "hosts",
    "hosts": "hosts",
    "host": "hosts",
    "playbook": "files",
    "playbooks": "files",
    "places": "places",
    "what": "all",
    "explain what": "anything",
    "name": "all",
    "project": "projects",
    "service": "services",
    "services": "services",
    "scale service": "scales",
    "scale services": "scales",
    "scale counts": "scales",
    "instance": "instances",
    "run": "runs",
    "shell": "shells",
    "lab host": "",
}
"""Name of an argument (after the verb, where one differs) -> what it is."""


def _of_option(name: str, current: str, known: Callable[[], Names]) -> Iterable[Found]:
    match name:
        case "output":
            return _starting(current, ((form, "") for form in FORMS))
        case "color":
            return _starting(current, ((colour, "") for colour in COLOURS))
        case "selector" | "ignore_host" | "canary" | "confirm_host_off":
            return _of_kind("hosts", current, known)
        case "inventory" | "out" | "heartbeat" | "textfile":
            return [(FILES, "")]
        case _:
            return []


def _of_kind(kind: str, current: str, known: Callable[[], Names]) -> Iterable[Found]:
    makers: dict[str, Callable[[], list[Found]]] = {
        "files": lambda: [(FILES, "")],
        "shells": lambda: _starting(current, ((shell, "") for shell in SHELLS)),
        "hosts": lambda: _selectors(current, known()),
        "places": lambda: [*_places(current, known()), (FILES, "")],
        "scales": lambda: _scales(current, known()),
        "all": lambda: [*_starting(current, _nouns(known())), (FILES, "")],
        "anything": lambda: [
            *_starting(current, ((host, "host") for host in known().hosts)),
            *_starting(current, _nouns(known())),
            (FILES, ""),
        ],
    }
    if kind in makers:
        return makers[kind]()
    return _starting(current, ((word, kind[:-1]) for word in getattr(known(), kind, ())))


def _scales(current: str, names: Names) -> list[Found]:
    found = _starting(current, ((f"{name}=", "service") for name in names.services))
    return [*found, (NO_SPACE, "")] if found else []


def _nouns(names: Names) -> Iterator[Found]:
    kinds = ((names.projects, "project"), (names.services, "service"), (names.instances, "instance"))
    return ((word, noun) for words, noun in kinds for word in words)


def _selectors(current: str, names: Names) -> list[Found]:
    """Return selectors that the word may become: after an operator the next term."""
    at = max(current.rfind(operator) for operator in OPERATORS) + 1
    head, term = current[:at], current[at:]
    sign = term[:1] if term[:1] == "@" else ""
    terms = [(host, "host") for host in names.hosts]
    terms += [(f"{sign}{group}", "group") for group in names.groups]
    terms += [("all", "every host")]
    if "=" in term:
        terms = [(label, "label") for label in names.labels]
    keys = sorted({label.partition("=")[0] for label in names.labels})
    given = set(re.split(f"[{OPERATORS}]", head))
    found = [(head + text, noun) for text, noun in _starting(term, terms) if text not in given]
    labels = [] if "=" in term else [(f"{head}{key}=", "label") for key in keys if key.startswith(term)]
    return [*found, *labels, *([(NO_SPACE, "")] if found or labels else [])]


def _places(current: str, names: Names) -> list[Found]:
    """Return hosts as `cp` wants them, `web1:`; the path behind it is on the host, and nobody asks there."""
    if "/" in current or ":" in current or current[:1] in {".", "~"}:
        return []
    found = [(f"{word}:", noun) for word, noun in _selectors(current, names) if noun in {"host", "group"}]
    return [*found, *([(NO_SPACE, "")] if found else [])]


def _starting(current: str, found: Iterable[Found]) -> list[Found]:
    return sorted((word, said) for word, said in found if word.startswith(current))
