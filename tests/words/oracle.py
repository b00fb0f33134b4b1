"""Thousands of hostile words through systemd alone and through systemd and docker; what did not arrive is named.

A case is one word of an argv, one value of an environment or one label.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from docker.models.containers import Container

from tests.words.docker import Said, docker_hears
from tests.words.hostile import hostile_words
from tests.words.systemd import systemd_hears

UNITS_AT_ONCE = 2000
CONTAINERS_AT_ONCE = 20
WORDS, VALUES, LABELS = 150, 70, 30


@dataclass
class Heard:
    """How many cases one oracle judged, in how many units and seconds, and the cases that did not arrive as sent."""

    oracle: str
    cases: int = 0
    units: int = 0
    seconds: float = 0.0
    lost: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.oracle}: {self.cases} cases in {self.units} units, "
            f"{len(self.lost)} not as sent, {self.seconds:.0f} s"
        )


def ask_systemd(host: Container, cases: int, seed: int) -> Heard:
    """Judge so many words in units of one to four; each unit is run by systemd alone."""
    heard, begin = Heard("systemd alone"), time.monotonic()
    chance, words = random.Random(seed), hostile_words(seed)  # noqa: S311 - the same for the same seed
    while heard.cases < cases:
        sent = list(_argvs(words, chance, min(UNITS_AT_ONCE, cases - heard.cases), cases - heard.cases))
        got = systemd_hears(host, sent)
        heard.cases += sum(map(len, sent))
        heard.units += len(sent)
        heard.lost += [
            f"sent {argv!a}, got {answer!r}"
            for argv, answer in zip(sent, got, strict=True)
            if answer != [word.encode() for word in argv]
        ]
    heard.seconds = time.monotonic() - begin
    return heard


def _argvs(words: Iterator[str], chance: random.Random, units: int, cases: int) -> Iterator[list[str]]:
    while units and cases:
        argv = list(islice(words, min(cases, chance.randint(1, 4))))
        units, cases = units - 1, cases - len(argv)
        yield argv


def ask_docker(host: Container, cases: int, seed: int) -> Heard:
    """Judge so many words, values and labels, rounded up to whole containers, from a playbook to the process."""
    heard, begin = Heard("playbook, systemd and docker"), time.monotonic()
    words = hostile_words(seed)
    while heard.cases < cases:
        count = min(CONTAINERS_AT_ONCE, -(-(cases - heard.cases) // (WORDS + VALUES + LABELS)))
        sent = [_said(words) for _ in range(count)]
        heard.lost += _differences(sent, docker_hears(host, sent))
        heard.cases += sum(map(len, sent))
        heard.units += len(sent)
    heard.seconds = time.monotonic() - begin
    return heard


def _said(words: Iterator[str]) -> Said:
    return Said(
        list(islice(words, WORDS)),
        {f"V_{k}.x-y": _one_line(word) for k, word in enumerate(islice(words, VALUES))},
        {f"org.example/l{k}": _one_line(word) for k, word in enumerate(islice(words, LABELS))},
    )


def _one_line(word: str) -> str:
    """Return a value without what a playbook may not hold: an env file and a label have one line."""
    return word.replace("\n", "").replace("\r", "")


def _differences(sent: Sequence[Said], got: Sequence[Said | None]) -> Iterator[str]:
    for number, (case, answer) in enumerate(zip(sent, got, strict=True)):
        if answer is None:
            yield f"container {number} did not run"
            continue
        if len(case.words) != len(answer.words):
            yield f"container {number} got {len(answer.words)} words of {len(case.words)}"
        for there, here in zip(case.words, answer.words, strict=False):
            if there != here:
                yield f"sent {there!a}, got {here!a}"
        for wanted, found in ((case.environment, answer.environment), (case.labels, answer.labels)):
            for name, value in wanted.items():
                if found.get(name) != value:
                    yield f"{name}: sent {value!a}, got {found.get(name)!a}"
