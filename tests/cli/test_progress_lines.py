"""What is told of a run away from a terminal: plain lines, JSON lines, nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clusterctl.cli.progress_lines import plain_lines
from clusterctl.model.plan import Batch
from clusterctl.model.report import Event
from clusterctl.model.step import PullImage
from tests.cli.conftest import PLAYBOOK, Desk
from tests.cli.scenes import a_deploy, begins, ends, planned


def lines_of(*events: Event) -> list[str]:
    return [line for event in events for line in plain_lines(event)]


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_batch_its_hosts_and_a_wait_are_a_line_each() -> None:
    plan = a_deploy()

    lines = lines_of(
        Event("look", "looking at 3 hosts"),
        planned(plan),
        begins(plan, 2),
        Event("host-start", "", "h1"),
        Event("host-phase", "waiting for health", "h1"),
        Event("host-end", "2 done", "h1"),
        ends(plan, 2),
        Event("wait", "waiting 10 s before the next batch", until_s=1.0),
        Event("note", "the hosts have changed"),
        Event("end", "done"),
    )

    assert lines == [
        "looking at 3 hosts",
        "  [2/4] replace 1 of 2: h1",
        "    h1: waiting for health",
        "    h1: 2 done",
        "  waiting 10 s before the next batch",
        "the hosts have changed",
    ]


def test_a_host_that_failed_is_told_so() -> None:
    assert lines_of(Event("host-end", "disk full", "h1", failed=True)) == ["    h1: failed: disk full"]


def test_many_hosts_of_a_batch_are_folded() -> None:
    batch = Batch("pull images", tuple(PullImage(f"h{n:02}", "web:2", "") for n in range(1, 13)))

    lines = lines_of(Event("batch", "", number=1, of=2, hosts=("", *batch.hosts), batch=batch))

    assert lines == ["  [1/2] pull images: h[01-12], here"]


def test_away_from_a_terminal_apply_tells_plain_lines_on_stderr(desk: Desk) -> None:
    ran = desk.run("apply", "shop.yaml", "--yes")

    assert "  [1/3] pull images: h1, h2" in ran.err.splitlines()
    assert "\x1b" not in ran.err
    assert "[1/3]" not in ran.out


def test_quiet_leaves_the_plan_and_the_result(desk: Desk) -> None:
    ran = desk.run("apply", "shop.yaml", "--yes", "--quiet")

    assert ran.err == ""
    assert ran.out.splitlines()[-1] == "apply shop: done: 2 created, 0 unchanged"


def test_json_lines_are_events_then_the_plan_first_and_the_report_last(desk: Desk) -> None:
    ran = desk.run("apply", "shop.yaml", "--yes", "-o", "jsonl")

    found = objects(ran.out)
    kinds = [item["kind"] for item in found]
    assert ran.err == ""
    assert {item["apiVersion"] for item in found} == {"clusterctl/v1"}
    assert (kinds.count("Plan"), kinds.count("Report"), kinds[-1]) == (1, 1, "Report")
    assert [item["event"] for item in found[: kinds.index("Plan")]] == ["look"]
    assert [item["event"] for item in found if item["kind"] == "Event"][-1] == "end"
    assert found[-1]["ok"] is True


def test_a_batch_event_in_json_has_its_published_fields(desk: Desk) -> None:
    ran = desk.run("apply", "shop.yaml", "--yes", "-o", "jsonl")

    batch = next(item for item in objects(ran.out) if item.get("event") == "batch")
    time = batch.pop("time")
    assert time.endswith("Z")
    assert time[10] == "T"
    assert batch == {
        "apiVersion": "clusterctl/v1",
        "kind": "Event",
        "event": "batch",
        "text": "1/3 pull images: h1, h2",
        "host": None,
        "failed": False,
        "number": 1,
        "of": 3,
        "hosts": ["h1", "h2"],
        "until": None,
        "batch": "pull images",
        "results": [],
    }


def test_json_lines_hold_no_value_of_the_environment(desk: Desk) -> None:
    ran = desk.run("apply", "shop.yaml", "--yes", "-o", "jsonl")

    assert "s3cret" not in ran.out + ran.err


def test_a_failure_in_json_lines_is_in_the_report_and_in_words_on_stderr(desk: Desk) -> None:
    desk.cluster.broken_images = {"registry:5000/web:1"}

    ran = desk.run("apply", "shop.yaml", "--yes", "-o", "jsonl")

    report = objects(ran.out)[-1]
    assert (ran.code, report["kind"], report["ok"]) == (1, "Report", False)
    assert "error: apply shop: stopped: " in ran.err


def test_an_error_in_json_lines_is_a_line(desk: Desk) -> None:
    ran = desk.run("apply", "none.yaml", "--yes", "-o", "jsonl")

    (error,) = objects(ran.out)
    assert (ran.code, error["kind"], error["exit_code"]) == (2, "Error", 2)


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        (("plan", "shop.yaml"), ["Event", "Plan"]),
        (("hosts",), ["Host", "Host", "Host"]),
        (("facts", "h1"), ["Host"]),
        (("ps",), ["Instance", "Instance"]),
        (("status",), ["Host", "Host", "Host", "Service"]),
    ],
)
def test_verbs_that_look_print_a_line_for_each_item(
    desk: Desk, words: tuple[str, ...], kinds: list[str]
) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    desk.write("shop.yaml", PLAYBOOK)

    ran = desk.run(*words, "-o", "jsonl")

    assert [item["kind"] for item in objects(ran.out)] == kinds


def test_an_end_by_ctrl_c_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(desk.cluster, "look", interrupted)

    ran = desk.run("apply", "shop.yaml", "--yes")

    assert ran.code == 130
    assert ran.err.splitlines()[-1] == (
        "interrupted; hosts finish what they began. The same command, or clusterctl resume, goes on from there."
    )
