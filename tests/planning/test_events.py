"""What happened: lines of hosts' journals and of the audit, and what of them is told."""

from __future__ import annotations

import json

import pytest

from clusterctl.planning.events import Happening, journal_script, parse_audit, parse_journal


def line(at_s: int, message: object) -> str:
    return json.dumps({"__REALTIME_TIMESTAMP": str(at_s * 1_000_000), "MESSAGE": message})


def entry(**fields: str) -> str:
    usual = {
        "who": "dev@laptop",
        "when": "2027-01-15T08:00:00Z",
        "cluster": "test",
        "host": "h1",
        "step": "ApplyUnit",
        "instance": "shop-web-1",
        "result": "changed",
    }
    return json.dumps(usual | fields)


def told(*lines: str, silent: tuple[str, ...] = (), since_s: float = 0) -> list[str]:
    return [one.words for one in parse_audit(lines, "test", since_s, silent)]


def test_a_change_says_by_whom_and_what() -> None:
    words = "epoch 7, apply shop.yaml by dev@laptop pid 9: replace shop-web-1: changed"

    found = parse_journal("h1", (line(5, words) + "\n").encode())

    assert found == [Happening(5, "h1", "dev@laptop", "replace shop-web-1: changed", "apply shop.yaml", 7)]


@pytest.mark.parametrize("words", ["record run r-1: changed", "write manifest shop generation 1: changed"])
def test_bookkeeping_is_left_out(words: str) -> None:
    assert (
        parse_journal("h1", (line(5, f"epoch 7, apply by-law.yaml by dev@laptop pid 9: {words}")).encode())
        == []
    )


def test_other_words_of_ours_are_told_as_they_are() -> None:
    assert parse_journal("h1", (line(5, "update r1: undone")).encode()) == [
        Happening(5, "h1", "", "update r1: undone")
    ]


@pytest.mark.parametrize(
    "text", ["", "no json", "[]", "{}", '{"__REALTIME_TIMESTAMP": "x"}', "[" * 100_000, "null\n7"]
)
def test_rubbish_is_left_out(text: str) -> None:
    assert parse_journal("h1", (text).encode()) == []
    assert told(*text.splitlines()) == []


def test_a_message_of_bytes_is_shown() -> None:
    (found,) = parse_journal("h1", (line(5, [104, 105, 255])).encode())

    assert found.words == "hi\\xff"


def test_of_the_audit_is_told_what_no_host_has_written() -> None:
    assert told(entry()) == []
    assert told(entry(), silent=("h1",)) == ["apply shop-web-1: changed"]
    assert told(entry(result="failed")) == ["apply shop-web-1: failed"]
    assert told(entry(step="Fence", instance="")) == ["fence off: changed"]
    assert told(entry(step="fence on", instance="", detail="fence_ipmi: done")) == [
        "fence on: changed (fence_ipmi: done)"
    ]


@pytest.mark.parametrize(
    ("words", "step", "instance"),
    [
        ("create shop-web-1: failed", "ApplyUnit", "shop-web-1"),
        ("pull registry.lab:5000/web@sha256:00: failed", "PullImage", ""),
    ],
)
def test_a_failure_that_the_host_has_written_down_is_not_told_twice(
    words: str, step: str, instance: str
) -> None:
    audit = [
        json.dumps(json.loads(entry(step=step, instance=instance, result="failed")) | {"epoch": epoch})
        for epoch in (7, 8)
    ]
    written = parse_journal(
        "h1", (line(5, f"epoch 7, apply shop.yaml by dev@laptop pid 9: {words}")).encode()
    )

    found = parse_audit(audit, "test", 0, (), written)

    assert len(written) == 1
    assert len(found) == 1


def test_other_clusters_and_older_entries_are_left_out() -> None:
    assert told(entry(result="failed", cluster="other")) == []
    assert told(entry(result="failed"), since_s=1_800_000_001) == []
    assert told(entry(result="failed"), since_s=1_799_999_999) == ["apply shop-web-1: failed"]


def test_the_script_asks_for_our_lines_only() -> None:
    assert "--identifier=clusterctl --since=@17 </dev/null" in journal_script(17)
