from __future__ import annotations

from dataclasses import replace

import pytest

from clusterctl.model.intent import ApplyIntent, DrainIntent
from clusterctl.model.run import RunRecord, RunSummary
from clusterctl.model.snapshot import Snapshot, Unreachable
from clusterctl.planning import sealed
from clusterctl.planning.runs import (
    left_unfinished,
    parse_record,
    parse_summary,
    record_of,
    render_record,
    runs_of,
)
from clusterctl.planning.sealed import seal
from tests.builders import a_project, a_service, facts_of

SECRET = ApplyIntent(a_project(a_service(environment={"TOKEN": "s3cret"})))


def a_run(
    number: int = 1, verb: str = "apply", subject: str = "shop", state: str = "running", **more: object
) -> RunSummary:
    summary = RunSummary(
        f"20270115-08000{number}-{verb}-000{number}",
        verb,
        subject,
        f"clusterctl {verb} {subject}",
        "ops@laptop",
        1_800_000_000 + number,
        epoch=number,
    )
    return replace(summary, state=state, **more)  # type: ignore[arg-type]


def a_look(**texts: str) -> Snapshot:
    """Return a look at hosts, each with the record of at most one run."""
    hosts = {}
    for name, text in texts.items():
        summary = parse_summary(text)
        hosts[name] = facts_of(name, runs={summary.id: text} if summary else {"x": text})
    return Snapshot(hosts)


def test_a_record_is_read_back() -> None:
    record = RunRecord(a_run(), SECRET)

    assert parse_record(render_record(record)) == record


def test_a_record_is_two_lines_and_the_first_is_enough_for_the_summary() -> None:
    head, _, body = render_record(RunRecord(a_run(), SECRET)).partition("\n")

    assert parse_summary(head + "\n") == a_run()
    assert body.count("\n") == 1
    assert parse_record(head + "\n") is None


def test_no_secret_is_in_the_summary() -> None:
    head = render_record(RunRecord(a_run(), SECRET)).partition("\n")[0]

    assert "s3cret" not in head


def test_a_command_that_is_no_utf8_is_kept() -> None:
    record = RunRecord(a_run(command="clusterctl apply caf\udce9.yaml"), SECRET)

    assert parse_record(render_record(record)) == record


def test_wherever_a_record_is_cut_it_is_no_record() -> None:
    text = render_record(RunRecord(a_run(), SECRET))

    for cut in range(len(text) - 1):
        assert parse_record(text[:cut]) is None, cut


def test_any_edited_character_makes_it_no_record() -> None:
    text = render_record(RunRecord(a_run(), SECRET))

    for position in range(0, len(text) - 1, 7):
        edited = text[:position] + chr(ord(text[position]) ^ 1) + text[position + 1 :]
        assert parse_record(edited) is None, position


def test_another_version_is_no_record() -> None:
    head, _, body = render_record(RunRecord(a_run(), SECRET)).partition("\n")
    newer = head.rpartition(" ")[0].replace("clusterctl/v1", "clusterctl/v2")

    assert parse_summary(f"{seal(newer)}\n{body}") is None


@pytest.mark.parametrize("identity", ["../../etc/passwd", "a/b", "", ".", "-x", "a\nb", "x" * 129, "a b"])
def test_an_id_that_cannot_be_a_file_name_is_no_run(identity: str) -> None:
    assert parse_summary(render_record(RunRecord(a_run(id=identity), SECRET))) is None


@pytest.mark.parametrize("text", ["", "\n", "null x", "[]", " ", "\ud800", "a" * 10_000])
def test_what_was_never_a_record_is_none(text: str) -> None:
    assert parse_summary(text) is None
    assert parse_record(text) is None


def test_an_intent_that_unpacks_to_too_much_is_no_record(monkeypatch: pytest.MonkeyPatch) -> None:
    text = render_record(RunRecord(a_run(), ApplyIntent(a_project(a_service(command=("x" * 10_000,))))))
    monkeypatch.setattr(sealed, "LARGEST_BYTES", 1000)

    assert parse_record(text) is None


def test_of_copies_that_differ_the_furthest_counts() -> None:
    begun = render_record(RunRecord(a_run(), SECRET))
    ended = render_record(RunRecord(a_run(state="done", batches_done=3), SECRET))

    assert [run.state for run in runs_of(a_look(h1=begun, h2=ended, h3=begun))] == ["done"]


def test_a_resumed_run_is_further_than_how_it_had_stopped() -> None:
    stopped = render_record(RunRecord(a_run(state="stopped", batches_done=5), SECRET))
    resumed = render_record(RunRecord(a_run(epoch=9), SECRET))
    snapshot = a_look(h1=stopped, h2=resumed)

    assert [(run.state, run.epoch) for run in runs_of(snapshot)] == [("running", 9)]
    found = record_of(snapshot, a_run().id)
    assert found is not None
    assert found.summary.epoch == 9


def test_runs_are_in_order_of_the_lock_whatever_the_clocks_said() -> None:
    of_a_slow_clock = render_record(RunRecord(a_run(1, epoch=7), SECRET))
    of_a_fast_clock = render_record(RunRecord(a_run(9, epoch=6), SECRET))

    found = runs_of(a_look(h1=of_a_fast_clock, h2=of_a_slow_clock))

    assert [run.epoch for run in found] == [7, 6]


def test_a_record_under_the_name_of_another_run_is_not_believed() -> None:
    text = render_record(RunRecord(a_run(), SECRET))
    snapshot = Snapshot({"h1": facts_of("h1", runs={"other": text})})

    assert runs_of(snapshot) == ()
    assert record_of(snapshot, "other") is None


def test_a_damaged_copy_does_not_hide_a_good_one() -> None:
    good = render_record(RunRecord(a_run(), SECRET))
    snapshot = Snapshot(
        {
            "h1": facts_of("h1", runs={a_run().id: good[:50]}),
            "h2": facts_of("h2", runs={a_run().id: good}),
            "h3": Unreachable("h3", "connect", "refused"),
        }
    )

    found = record_of(snapshot, a_run().id)

    assert found is not None
    assert found.intent == SECRET


def test_what_may_be_half_done_is_found_newest_first() -> None:
    runs = (a_run(3, subject="blog"), a_run(2, state="done", subject="wiki"), a_run(1, state="stopped"))

    assert [run.subject for run in left_unfinished(runs)] == ["blog", "shop"]


@pytest.mark.parametrize("verb", ["apply", "rollback", "scale"])
@pytest.mark.parametrize("state", ["done", "aborted"])
def test_a_stopped_apply_is_not_gone_on_with_after_a_later_run_on_the_project(verb: str, state: str) -> None:
    runs = (a_run(2, verb=verb, state=state), a_run(1, state="stopped"))

    assert left_unfinished(runs) == ()


def test_a_later_run_on_a_service_of_the_project_counts_too() -> None:
    runs = (a_run(2, verb="restart", subject="shop/web", state="done"), a_run(1, state="stopped"))

    assert left_unfinished(runs) == ()


def test_a_later_run_that_stopped_too_hides_nothing() -> None:
    runs = (a_run(2, state="stopped"), a_run(1, state="stopped"))

    assert len(left_unfinished(runs)) == 2


def test_a_drain_is_not_over_because_a_reboot_of_the_same_hosts_is() -> None:
    runs = (a_run(2, "reboot", "all", "done"), a_run(1, "drain", "all", "stopped"))

    assert [run.verb for run in left_unfinished(runs)] == ["drain"]


def test_a_record_of_hosts_is_read_back() -> None:
    record = RunRecord(a_run(verb="drain", subject="h1"), DrainIntent(("h1",)))

    assert parse_record(render_record(record)) == record
