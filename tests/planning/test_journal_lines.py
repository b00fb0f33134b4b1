from __future__ import annotations

import binascii
import json

import pytest

from clusterctl.model.placement import Instance
from clusterctl.model.plan import Batch, Plan
from clusterctl.model.report import StepResult
from clusterctl.model.step import ApplyUnit, PullImage
from clusterctl.planning.journal_lines import (
    BadJournalError,
    Entry,
    after_entry,
    before_entry,
    begin_entry,
    end_entry,
    parse_lines,
    render_line,
)
from clusterctl.planning.plain import to_line
from tests.conduct import a_summary

AT_S = 1_800_000_000
UNIT = ApplyUnit(
    host="h1",
    instance=Instance("shop", "web", 1),
    unit_text="[Service]\nExecStart=/usr/bin/docker run s3cret-unit\n",
    unit_digest="d1",
    environment="TOKEN=s3cret\n",
    replaces="",
    gate_s=60,
    reason="new",
)


def three_lines() -> list[bytes]:
    entries: list[Entry] = [
        before_entry(1, Batch("pull images", (PullImage("h1", "registry:5000/web@sha256:1", "new"),))),
        after_entry(1, [StepResult(PullImage("h1", "registry:5000/web@sha256:1", "new"), "changed")]),
        end_entry(a_summary()),
    ]
    return [render_line(entry, AT_S).encode() for entry in entries]


def test_a_line_says_host_step_instance_and_reason() -> None:
    line = render_line(before_entry(2, Batch("start", (UNIT,))), AT_S)

    assert line == (
        '{"at_s":1800000000,"batch":2,"crc":"fd614599","kind":"before",'
        '"steps":[{"host":"h1","instance":"shop-web-1","reason":"new","step":"ApplyUnit"}],'
        '"title":"start","v":1}\n'
    )


def test_results_say_how_each_step_ended() -> None:
    failed = StepResult(UNIT, "failed", "did not become healthy", log=("TOKEN=s3cret",))

    assert after_entry(2, [failed]) == {
        "kind": "after",
        "batch": 2,
        "results": [
            {
                "host": "h1",
                "step": "ApplyUnit",
                "instance": "shop-web-1",
                "status": "failed",
                "detail": "did not become healthy",
            }
        ],
    }


def test_no_environment_value_unit_text_or_log_is_in_any_line() -> None:
    batch = Batch("start", (UNIT,))
    result = StepResult(UNIT, "failed", "did not become healthy", log=("TOKEN=s3cret",))

    text = "".join(
        render_line(entry, AT_S)
        for entry in (
            begin_entry(a_summary(), Plan("apply", "shop", (batch,))),
            before_entry(1, batch),
            after_entry(1, [result]),
            end_entry(a_summary()),
        )
    )

    assert "s3cret" not in text
    assert "ExecStart" not in text


def test_lines_are_read_back() -> None:
    found = parse_lines(b"".join(three_lines()))

    assert [entry["kind"] for entry in found] == ["before", "after", "end"]
    assert [entry["at_s"] for entry in found] == [AT_S, AT_S, AT_S]


def test_a_long_detail_is_cut() -> None:
    entry = after_entry(1, [StepResult(UNIT, "failed", "x" * 2000)])

    assert entry["results"][0]["detail"] == "x" * 499 + "…"


def test_a_word_that_is_no_utf8_is_kept() -> None:
    line = render_line({"kind": "note", "text": "caf\udce9"}, AT_S)

    assert line.isascii()
    assert parse_lines(line.encode())[0]["text"] == "caf\udce9"


def test_wherever_the_last_line_is_torn_the_others_are_read() -> None:
    first, second, last = three_lines()

    for cut in range(len(last)):
        found = parse_lines(first + second + last[:cut])
        assert [entry["kind"] for entry in found] == ["before", "after"], cut


def test_a_last_line_of_zeros_is_left_out() -> None:
    first, second, last = three_lines()

    found = parse_lines(first + second + bytes(len(last)))

    assert [entry["kind"] for entry in found] == ["before", "after"]


def test_any_flipped_bit_of_a_middle_line_refuses_the_journal() -> None:
    first, second, last = three_lines()

    for position in range(len(second) - 1):
        for bit in (0, 3, 6):
            flipped = bytearray(second)
            flipped[position] ^= 1 << bit
            with pytest.raises(BadJournalError) as caught:
                parse_lines(first + bytes(flipped) + last)
            assert "damaged" in str(caught.value), (position, bit)


def test_a_middle_line_that_is_cut_short_refuses_the_journal() -> None:
    first, second, last = three_lines()

    with pytest.raises(BadJournalError, match="line 2 is damaged"):
        parse_lines(first + second[:40] + b"\n" + last)


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_another_version_refuses_the_journal(version: object) -> None:
    body = {**json.loads(three_lines()[1]), "v": version}
    del body["crc"]
    line = to_line({**body, "crc": f"{binascii.crc32(to_line(body).encode()):08x}"}) + "\n"

    with pytest.raises(BadJournalError, match=f"line 1 is of version {version}, not 1"):
        parse_lines(line.encode() + three_lines()[2])


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"null\n", b"[]\n", b"1\n", b'{"crc":1}\n', b"[" * 100_000 + b"\n"]
)
def test_what_was_never_a_journal_has_no_entries(data: bytes) -> None:
    assert parse_lines(data) == ()
