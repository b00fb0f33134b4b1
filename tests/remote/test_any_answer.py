"""Whatever a host says, it is some answer: one that lies about numbers, dates, depth or texts stops nobody (I10)."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from clusterctl.cli.documents import host_document, instance_document
from clusterctl.cli.lock import _document
from clusterctl.cli.look import age
from clusterctl.model.host import Host
from clusterctl.model.report import CommandResult
from clusterctl.model.snapshot import HostFacts, Snapshot
from clusterctl.planning.observed import observe_units
from clusterctl.remote.answer import BadAnswerError
from clusterctl.remote.facts import parse_look
from clusterctl.remote.frame import Section
from clusterctl.remote.lock_holder import parse_holder
from clusterctl.remote.lock_look import HostLock, parse_look_at_lock
from clusterctl.remote.packages import parse_packages
from clusterctl.remote.peers import PeerTarget, parse_opinions

NONCE = "a" * 32
LOOKS = [path.read_bytes() for path in sorted((Path(__file__).parent / "looks").glob("*/answer.txt"))]
PACKAGES = [
    json.loads(path.read_text("utf-8"))["sections"]
    for path in sorted((Path(__file__).parent / "packages" / "cases").glob("*.json"))
]
NUMBERS = (
    "0",
    "-1",
    "1e999",
    "-1e999",
    "NaN",
    "Infinity",
    "9" * 12,
    "9" * 19,
    "9" * 400,
    "9" * 5000,
    "1.5",
    "\u0663",
    "1_0",
    "@" + "9" * 12,
)
TEXTS = (
    '"\\ud800"',
    '"\\u0000"',
    "[" * 500,
    "{}",
    "[]",
    "null",
    "true",
    '""',
    "\x1b[31m",
    "\r",
    "\xff",
    "..",
    "a" * 5000,
)
PIECES = st.sampled_from([*NUMBERS, *TEXTS]).map(str.encode) | st.binary(max_size=20)


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """Draw an answer in which one to three numbers, or places, say something else."""
    for _ in range(draw(st.integers(1, 3))):
        numbers = [match.span() for match in re.finditer(rb"[0-9]+", whole)]
        where = st.integers(0, len(whole)).map(lambda start: (start, start + 20))
        start, end = draw(st.sampled_from(numbers) | where if numbers else where)
        piece = draw(PIECES)
        whole = whole[:start] + piece + whole[end:]
    return whole


def framed(**sections: str) -> bytes:
    parts = [f"\n{NONCE} section {name}\n{text}\n{NONCE} end-section 0\n" for name, text in sections.items()]
    return f"\n{NONCE} begin\n{''.join(parts)}\n{NONCE} end 0\n".encode()


def result(stdout: bytes) -> CommandResult:
    return CommandResult("h1", 0, stdout, b"")


MANY = settings(deadline=None)


@MANY
@given(st.sampled_from(LOOKS).flatmap(damaged))
def test_whatever_a_look_says_can_be_shown(stdout: bytes) -> None:
    answer = parse_look("h1", "10.0.0.1", result(stdout), NONCE)

    json.dumps(host_document(Host("h1", "10.0.0.1"), answer))
    if isinstance(answer, HostFacts):
        for unit in observe_units(Snapshot({"h1": answer}), answer.cluster):
            json.dumps(instance_document(unit))
            age(unit.fact.since_s, answer.clock_s)


@MANY
@given(st.sampled_from(PACKAGES), st.data())
def test_whatever_a_package_manager_says_is_facts_or_a_bad_answer(
    case: dict[str, tuple[int, str]], data: st.DataObject
) -> None:
    sections = {name: Section(text.encode(), rc) for name, (rc, text) in case.items()}
    name = data.draw(st.sampled_from(sorted(sections)))
    sections[name] = Section(
        data.draw(damaged(sections[name].body)), data.draw(st.sampled_from([0, 1, 100, 124]))
    )

    with suppress(BadAnswerError):
        parse_packages(sections)


def claim(since: str, epoch: str = "7") -> str:
    return f'{{"run": "r", "by": "ops@laptop", "command": "apply", "since": {since}, "epoch": {epoch}}}'


@MANY
@given(st.sampled_from(NUMBERS), st.sampled_from(NUMBERS), st.sampled_from(NUMBERS))
@example("1e999", "7", "7")
@example("7", "9" * 5000, "7")
@example("9" * 18, "7", "9" * 5000)
def test_whatever_a_lock_host_says_can_be_shown(since: str, epoch: str, clock: str) -> None:
    stdout = framed(epoch=epoch, holder=claim(since, epoch), clock=clock)

    answer = parse_look_at_lock("h1", result(stdout), NONCE)

    if isinstance(answer, HostLock):
        json.dumps(_document(answer))


@MANY
@given(st.sampled_from([*NUMBERS, *TEXTS]) | st.text(), st.integers(0, 2**40))
def test_any_claim_is_a_holder_or_none(text: str, now_s: int) -> None:
    for words in (text, claim(text), claim("1", text)):
        parse_holder(words, now_s)


@MANY
@given(st.binary(max_size=200).flatmap(damaged))
def test_any_opinion_of_a_peer_is_one_for_each_target(noise: bytes) -> None:
    target = PeerTarget("h2", "10.0.0.2", 22, ())

    found = parse_opinions("h1", [target], result(framed(signs="h2 refused") + noise), NONCE)
    worse = parse_opinions("h1", [target], result(framed(signs=noise.decode("latin-1"))), NONCE)

    assert [each.host for each in (*found, *worse)] == ["h2", "h2"]
