r"""Regular expressions over host names, in linear time whatever the expression.

`re` takes for ever with some (`(a+)+b`), and its groups cannot be bounded. Here an expression becomes a small program
(Thompson's construction, CACM 11(6), 1968) whose sets of states are remembered. Known are literals, `.`, `[a-z]`, `[^a-z]`,
`\d`, `\w`, `( )`, `(?: )`, `|`, `*`, `+`, `?`, `{m,n}`, `$` at the end and `^` at the beginning. It matches from the start of
a name, as Ansible's `~` does; `$` asks for its end.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable

from clusterctl.parsing.words import Unfit, quoted

LONGEST = 200
MOST_STATES = 2000
MOST_REPEATS = 100

_END = "\n"
_NAME = frozenset(string.ascii_letters + string.digits + "._-")
_CLASSES = {"d": frozenset(string.digits), "w": frozenset(string.ascii_letters + string.digits + "_")}
_CLASSES |= {name.upper(): _NAME - chars for name, chars in _CLASSES.items()}
_COUNT = re.compile(r"\{(?P<least>[0-9]{1,3})(?P<comma>,(?P<most>[0-9]{1,3})?)?\}")

_Chars = frozenset[str]
_Emit = Callable[[], None]


class Regex:
    """A compiled expression; raises Unfit where it cannot be read."""

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise Unfit(f"a regular expression of more than {LONGEST} characters")
        self._program = _Compiler(text).compile()
        self._seen: dict[tuple[frozenset[int], str], frozenset[int]] = {}
        self._start = self._closed({0})

    def matches(self, name: str) -> bool:
        """Whether the name begins with what the expression means."""
        states, goal = self._start, len(self._program)
        for char in name:
            if goal in states or not states:
                return goal in states
            states = self._after(states, char)
        past: set[frozenset[int]] = set()
        while states not in past and goal not in states:  # $ takes nothing: it may stand there twice
            past.add(states)
            states = self._after(states, _END)
        return goal in states

    def _after(self, states: frozenset[int], char: str) -> frozenset[int]:
        key = (states, char)
        if key not in self._seen:
            self._seen[key] = self._step(states, char)
        return self._seen[key]

    def _step(self, states: frozenset[int], char: str) -> frozenset[int]:
        following = set()
        for state in states:
            if state < len(self._program) and char in self._program[state][0]:
                following.add(state + 1)
        return self._closed(following)

    def _closed(self, states: set[int]) -> frozenset[int]:
        """Return the states, and those that are reached from them without a character."""
        found: set[int] = set()
        waiting = list(states)
        while waiting:
            state = waiting.pop()
            if state in found:
                continue
            found.add(state)
            if state < len(self._program):
                waiting += self._program[state][1]
        return frozenset(found)


class _Compiler:
    """Reads an expression into a program: each state takes one of some characters, or goes on to other states."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._program: list[tuple[_Chars, tuple[int, ...]]] = []

    def compile(self) -> list[tuple[_Chars, tuple[int, ...]]]:
        """Return the program; its end is the state behind the last one."""
        emit = self._alternatives(0)
        if self._at < len(self._text):
            raise self._wrong("a bracket is not open")
        emit()
        return self._program

    def _add(self, chars: _Chars, *following: int) -> int:
        if len(self._program) >= MOST_STATES:
            raise self._wrong("it is too large")
        self._program.append((chars, following))
        return len(self._program) - 1

    def _wrong(self, why: str) -> Unfit:
        return Unfit(f"the regular expression {quoted(self._text)} cannot be used: {why}")

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _alternatives(self, depth: int) -> _Emit:
        if depth > MOST_REPEATS // 2:
            raise self._wrong("it is nested too deep")
        branches = [self._sequence(depth)]
        while self._peek() == "|":
            self._at += 1
            branches.append(self._sequence(depth))
        if len(branches) == 1:
            return branches[0]

        def emit() -> None:
            ends = []
            for branch in branches[:-1]:
                fork = self._add(frozenset())
                branch()
                ends.append(self._add(frozenset()))
                self._program[fork] = (frozenset(), (fork + 1, len(self._program)))
            branches[-1]()
            for end in ends:
                self._program[end] = (frozenset(), (len(self._program),))

        return emit

    def _sequence(self, depth: int) -> _Emit:
        if self._peek() == "^" and not depth:
            self._at += 1
        parts: list[_Emit] = []
        while self._peek() and self._peek() not in "|)":
            parts.append(self._repeated(self._atom(depth)))

        def emit() -> None:
            for part in parts:
                part()

        return emit

    def _repeated(self, emit: _Emit) -> _Emit:
        while self._peek() and self._peek() in "*+?{":
            least, most = self._count()
            emit = self._loop(emit, least, most)
        return emit

    def _count(self) -> tuple[int, int | None]:
        """Read how often the atom before may be there."""
        sign = self._peek()
        if sign != "{":
            self._at += 1
            return (int(sign == "+"), 1 if sign == "?" else None)
        found = _COUNT.match(self._text, self._at)
        if not found:
            raise self._wrong("{ needs a count such as {2} or {1,3}")
        self._at = found.end()
        least = int(found["least"])
        most = least if not found["comma"] else (int(found["most"]) if found["most"] else None)
        if max(least, most or 0) > MOST_REPEATS or (most is not None and most < least):
            raise self._wrong(f"a count goes from small to large, up to {MOST_REPEATS}")
        return least, most

    def _loop(self, emit: _Emit, least: int, most: int | None) -> _Emit:
        def repeat() -> None:
            for _ in range(least):
                emit()
            if most is None:
                fork = self._add(frozenset())
                emit()
                self._add(frozenset(), fork)
                self._program[fork] = (frozenset(), (fork + 1, len(self._program)))
                return
            forks = []
            for _ in range(most - least):
                forks.append(self._add(frozenset()))
                emit()
            for fork in forks:
                self._program[fork] = (frozenset(), (fork + 1, len(self._program)))

        return repeat

    def _atom(self, depth: int) -> _Emit:
        char = self._peek()
        self._at += 1
        if char == "(":
            return self._group(depth)
        if char in "*+?{":
            raise self._wrong(f"{char} has nothing before it")
        if char == "^":
            raise self._wrong("^ may only stand at the beginning")
        chars = self._chars(char)
        return lambda: void(self._add(chars))

    def _chars(self, char: str) -> _Chars:
        if char == ".":
            return _NAME
        if char == "$":
            return frozenset(_END)
        if char == "[":
            return self._class()
        return self._escaped() if char == "\\" else frozenset(char)

    def _group(self, depth: int) -> _Emit:
        if self._peek() == "?":
            if not self._text.startswith("?:", self._at):
                raise self._wrong("of (?...) only (?:...) is known")
            self._at += 2
        emit = self._alternatives(depth + 1)
        if self._peek() != ")":
            raise self._wrong("a bracket is not closed")
        self._at += 1
        return emit

    def _escaped(self) -> _Chars:
        char = self._peek()
        self._at += 1
        if char in _CLASSES:
            return _CLASSES[char]
        if not char or char.isalnum():
            raise self._wrong(f"\\{char} is not known")
        return frozenset(char)

    def _class(self) -> _Chars:
        end = self._text.find("]", self._at + 1 + (self._peek() == "^"))
        if end < 0:
            raise self._wrong("a bracket is not closed")
        inside = self._text[self._at : end]
        self._at = end + 1
        negated, inside = inside.startswith("^"), inside.removeprefix("^")
        chars: set[str] = set()
        for single, first, last in re.findall(r"\\(.)|(.)(?:-(.))?", inside):
            if single:
                chars |= _CLASSES.get(single, {single})
            elif last and last < first:
                raise self._wrong(f"the range {first}-{last} runs backwards")
            else:
                chars |= {chr(code) for code in range(ord(first), ord(last or first) + 1)}
        return _NAME - chars if negated else frozenset(chars)


def void(_: object) -> None:
    """Take a value and give none."""
