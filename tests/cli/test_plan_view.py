"""A plan as people read it before they say yes, and as JSON."""

from __future__ import annotations

from typing import Any

import pytest

from clusterctl.cli.documents import plan_document
from clusterctl.cli.plan_view import host_lines, order_lines, print_plan
from clusterctl.model.plan import Batch, HostChange, Plan
from clusterctl.model.step import PullImage, RunCommand, SetMarker
from tests.cli.scenes import a_deploy, a_reboot


def printed(plan: Plan, capsys: pytest.CaptureFixture[str]) -> list[str]:
    print_plan(plan)
    return capsys.readouterr().out.splitlines()


def test_a_reboot_says_which_hosts_why_within_which_limits_and_in_which_order(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert printed(a_reboot(), capsys) == [
        "reboot h[1-2]",
        "  * cordon   h[1-2]  (nothing new is placed here meanwhile)",
        "  * reboot   h[1-2]  (kernel waits)",
        "  * uncordon h[1-2]  (done)",
        "  > move    shop-web-1  on h3  (from h1)",
        "plan: 2 hosts to cordon, 2 hosts to reboot, 2 hosts to uncordon, 1 to move, 0 unchanged",
        "limits:",
        "  at most 1 host out at once",
        "  at most 50% of a failure domain",
        "  instances that stay up: shop/web 2, shop/db 1",
        "  window Sat 02:00 3h Europe/Amsterdam",
        "order:",
        "  cordon on h[1-2]",
        "  h1: take out, start elsewhere, stop the old copies, reboot, verify, then wait 30 s, back",
        "  h2: take out, reboot, verify, then wait 30 s, back",
    ]


def test_a_deploy_says_its_pauses_and_what_a_failure_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(a_deploy(), capsys)[-3:] == [
        "plan: 2 to replace, 0 unchanged",
        (
            "order: pull images on h1; replace 1 of 2 on h1, then wait 10 s; replace 2 of 2 on h2; "
            "record on h[1-3]"
        ),
        "on failure: the whole fleet goes back to generation 7",
    ]


def test_hosts_with_the_same_change_but_another_reason_have_a_line_of_their_own() -> None:
    changes = (
        HostChange("update", "h1", "2 packages: curl 7.1 -> 7.2, tzdata 1 -> 2"),
        HostChange("update", "h2", "1 package: curl 7.1 -> 7.2"),
        HostChange("update", "h3", "1 package: curl 7.1 -> 7.2"),
    )

    assert host_lines(changes) == [
        "  * update   h1  (2 packages: curl 7.1 -> 7.2, tzdata 1 -> 2)",
        "  * update   h[2-3]  (1 package: curl 7.1 -> 7.2)",
    ]


def test_hosts_that_take_the_same_course_are_named_in_their_order_the_middle_of_many_left_out() -> None:
    hosts = ["h9", *(f"h{n}" for n in range(10, 22)), "h1"]
    batches = [
        Batch(
            title,
            (SetMarker(host, "draining", "r", "ops", ""),),
            opens=(host,) if title == "take out" else (),
        )
        for host in hosts
        for title in ("take out", "reboot", "back")
    ]

    assert order_lines(batches) == [
        "order:",
        "  h9, h10, h11, and 8 more, h20, h21, h1, one after the other: take out, reboot, back",
    ]


def test_commands_are_counted_and_a_pause_has_no_hosts(capsys: pytest.CaptureFixture[str]) -> None:
    batches = (
        Batch("exec", (RunCommand("h1", "load", 10.0, "step exec", about="h1"),)),
        Batch("wait 5 s", (), pause_s=5.0),
    )
    plan = Plan("run", "steps", batches, host_changes=(HostChange("command", "h1", "load"),))

    assert printed(plan, capsys)[-2:] == ["plan: 1 command to run", "order: exec on h1; wait 5 s"]


def test_many_batches_are_folded_in_the_middle() -> None:
    batches = [Batch(f"replace {n} of 12", (PullImage(f"h{n}", "web:2", ""),)) for n in range(1, 13)]

    assert order_lines(batches) == [
        (
            "order: replace 1 of 12 on h1; replace 2 of 12 on h2; replace 3 of 12 on h3; and 6 more; "
            "replace 10 of 12 on h10; replace 11 of 12 on h11; replace 12 of 12 on h12"
        )
    ]


def test_a_plan_in_json_says_hosts_limits_and_each_step_with_its_reason() -> None:
    found: dict[str, Any] = plan_document(a_reboot())

    assert found["host_changes"][2] == {"kind": "reboot", "host": "h1", "reason": "kernel waits"}
    assert found["goes_back_to"] is None
    assert found["limits"] == {
        "fleet": 1,
        "per_domain": "50%",
        "floors": [{"name": "shop/web", "least": 2}, {"name": "shop/db", "least": 1}],
        "windows": ["Sat 02:00 3h Europe/Amsterdam"],
    }
    assert found["batches"][1] == {
        "title": "take out",
        "hosts": ["h1"],
        "steps": 1,
        "opens": ["h1"],
        "pause_s": 0.0,
        "step_list": [{"step": "SetMarker", "host": "h1", "instance": None, "reason": "reboot"}],
    }
    assert found["batches"][5]["pause_s"] == 30.0


def test_a_plan_in_json_holds_no_unit_and_no_environment() -> None:
    found = plan_document(a_deploy())

    assert "s3cret" not in str(found)
    assert found["goes_back_to"] == 7
    assert found["limits"] is None
