from __future__ import annotations

from typing import Any

from clusterctl.model.placement import Instance
from clusterctl.model.report import StepResult
from clusterctl.model.step import PullImage, RemoveUnit
from clusterctl.planning.audit import START, audit_entries, chain, check_audit, line_digest
from tests.conduct import a_summary

REMOVE = RemoveUnit("h2", Instance("shop", "web", 1), "d1", 40, "gone from the playbook")


def lines(count: int = 4) -> list[str]:
    entries: list[dict[str, Any]] = [{"host": f"h{number}"} for number in range(1, count + 1)]
    return chain(entries, "")


def text(found: list[str]) -> str:
    return "".join(f"{line}\n" for line in found)


def test_each_change_has_one_entry_with_who_when_where_and_what() -> None:
    found = audit_entries("prod", a_summary(), [StepResult(REMOVE, "changed")], 1_800_000_000.5)

    assert found == [
        {
            "who": "ops@laptop",
            "when": "2027-01-15T08:00:00Z",
            "cluster": "prod",
            "run": "20270115-080000-apply-0001",
            "epoch": 0,
            "command": "clusterctl apply",
            "host": "h2",
            "step": "RemoveUnit",
            "instance": "shop-web-1",
            "result": "changed",
        }
    ]


def test_what_may_have_changed_is_written_down_and_what_did_not_is_not() -> None:
    pull = PullImage("h1", "registry:5000/web@sha256:1", "new")
    results = [
        StepResult(pull, "unchanged"),
        StepResult(pull, "skipped"),
        StepResult(pull, "failed", "unknown"),
        StepResult(REMOVE, "changed"),
    ]

    found = audit_entries("prod", a_summary(), results, 1_800_000_000)

    assert [(entry["step"], entry["result"]) for entry in found] == [
        ("PullImage", "failed"),
        ("RemoveUnit", "changed"),
    ]


def test_each_line_names_the_one_before_it() -> None:
    first, second = lines(2)

    assert first == f'{{"before":"{START}","host":"h1"}}'
    assert second == f'{{"before":"{line_digest(first)}","host":"h2"}}'


def test_a_whole_audit_has_nothing_wrong() -> None:
    assert check_audit(text(lines())) == ()
    assert check_audit("") == ()


def test_a_chain_goes_on_where_it_ended() -> None:
    first = lines(2)
    more = chain([{"host": "h3"}], first[-1])

    assert check_audit(text([*first, *more])) == ()


def test_every_edited_line_but_the_last_is_found() -> None:
    for number in range(3):
        found = lines()
        found[number] = found[number].replace('"host":"h', '"host":"x')
        assert check_audit(text(found)) == (
            f"line {number + 2} does not follow line {number + 1}: one of them was edited or removed",
        )


def test_every_deleted_line_but_the_last_is_found() -> None:
    for number in range(3):
        found = lines()
        del found[number]
        assert len(check_audit(text(found))) == 1, number


def test_two_lines_that_changed_places_are_found() -> None:
    first, second, third, fourth = lines()

    assert len(check_audit(text([first, third, second, fourth]))) == 3


def test_a_line_put_in_is_found() -> None:
    first, second, *_ = lines()
    forged = chain([{"host": "h9"}], first)

    assert len(check_audit(text([first, *forged, second]))) == 1


def test_an_edited_or_deleted_last_line_is_found_by_the_digest_a_journal_names() -> None:
    found = lines()
    head = line_digest(found[-1])

    assert check_audit(text(found), [head]) == ()
    assert check_audit(text(found[:-1]), [head]) == (f"a line with digest {head[:12]} is missing at the end",)


def test_a_torn_last_line_is_told() -> None:
    assert check_audit(text(lines(2)) + '{"bef') == ("line 3 is torn",)


def test_what_is_no_audit_is_told_line_by_line() -> None:
    assert len(check_audit("null\n[]\nx\n")) == 3
