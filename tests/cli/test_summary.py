"""The end of a run: what was done, how long it took, what failed, and what to do next."""

from __future__ import annotations

import pytest

from clusterctl.cli.documents import report_document
from clusterctl.cli.stopwatch import Stopwatch
from clusterctl.cli.summary import next_steps, print_report, say_failures
from clusterctl.model.plan import Batch, HostChange, Plan
from clusterctl.model.report import Event, Report, StepResult
from clusterctl.model.step import CopyFile, RunCommand
from tests.cli.scenes import RUN, a_deploy, a_reboot, begins, ends, results, until

Out = pytest.CaptureFixture[str]


def a_stopwatch() -> Stopwatch:
    plan = a_reboot()
    times = Stopwatch()
    for when_s, event in [
        (100.0, begins(plan, 1)),
        (103.0, Event("host-end", "1 done", "h1")),
        (104.5, Event("host-end", "1 done", "h2")),
        (104.5, ends(plan, 1)),
        (110.0, begins(plan, 5)),
        (150.25, ends(plan, 5)),
        (160.0, Event("end", "done")),
    ]:
        times.hear(event, when_s)
    return times


def test_time_is_counted_while_a_host_is_at_work_and_not_between_batches() -> None:
    times = a_stopwatch()

    assert times.hosts_s == {"h1": 43.25, "h2": 4.5}
    assert times.slowest == (("h1", 43.25), ("h2", 4.5))
    assert times.total_s == 60.0


def test_a_host_that_waits_for_its_turn_is_not_slow() -> None:
    times = Stopwatch()
    for when_s, event in [
        (100.0, begins(a_reboot(), 1)),
        (190.0, Event("host-start", "", "h2")),
        (191.0, Event("host-end", "1 done", "h2")),
    ]:
        times.hear(event, when_s)

    assert times.hosts_s == {"h2": 1.0}


def test_only_the_three_slowest_hosts_are_named() -> None:
    times = Stopwatch(hosts_s={"h1": 1.0, "h2": 9.0, "h3": 5.0, "h4": 9.0})

    assert [name for name, _ in times.slowest] == ["h2", "h4", "h3"]


def test_a_run_that_is_done_ends_in_a_table_the_slowest_hosts_and_one_sentence(capsys: Out) -> None:
    plan = a_reboot()

    print_report(Report(plan, until(plan, 11), "", 11, RUN), a_stopwatch())

    streams = capsys.readouterr()
    assert streams.err == ""
    assert streams.out.splitlines() == [
        "                  DONE  FAILED  NOT TOUCHED",
        "instances moved   1     0       0",
        "hosts cordoned    2     0       0",
        "hosts rebooted    2     0       0",
        "hosts uncordoned  2     0       0",
        "2 of 2 hosts without a failure, 60.0 s; slowest: h1 43.2 s, h2 4.5 s",
        f"run {RUN}",
        "reboot h[1-2]: done: 2 cordoned, 1 moved, 2 rebooted, 2 uncordoned, 0 unchanged",
    ]


def test_a_run_that_stopped_says_what_was_done_what_was_not_and_how_to_go_on(capsys: Out) -> None:
    plan = a_reboot()
    failed = results(plan.batches[8].steps, "failed")

    print_report(
        Report(plan, (*until(plan, 8), *failed), "batch “reboot” failed on h2", 8, RUN), a_stopwatch()
    )

    streams = capsys.readouterr()
    assert streams.out.splitlines()[3] == "hosts rebooted    1     1       0"
    assert streams.out.splitlines()[5].startswith("1 of 2 hosts without a failure, ")
    assert streams.err.splitlines() == [
        "error: h2: it broke",
        "error: reboot h[1-2]: stopped: batch “reboot” failed on h2",
        "  done: shop-web-1 moved, h[1-2] cordoned, h1 rebooted, h1 uncordoned",
        "  not yet: h2 uncordoned",
        "next: mend the cause, then",
        f"  clusterctl resume {RUN}  goes on from here, or",
        f"  clusterctl abort {RUN}  takes back what it began.",
    ]


def test_an_instance_whose_second_step_was_not_reached_is_only_begun(capsys: Out) -> None:
    plan = Plan(
        "drain",
        "h1",
        (a_reboot().batches[1], a_reboot().batches[3]),
        host_changes=(HostChange("drain", "h1", "asked for"),),
    )

    print_report(Report(plan, until(plan, 1), "interrupted", 1, RUN), Stopwatch())

    streams = capsys.readouterr()
    assert streams.out.splitlines()[:2] == [
        "               DONE  FAILED  BEGUN  NOT TOUCHED",
        "hosts drained  0     0       1      0",
    ]
    assert streams.err.splitlines()[1:4] == [
        "  done: nothing",
        "  begun: h1 drained",
        "  not touched: nothing",
    ]


def test_an_interrupt_needs_no_mending() -> None:
    plan = a_deploy()

    assert next_steps(Report(plan, until(plan, 1), "interrupted", 1, RUN))[0] == "next: when it may go on,"


def test_a_run_that_is_not_recorded_goes_on_with_the_same_command() -> None:
    plan = a_deploy()

    assert next_steps(Report(plan, (), "interrupted")) == [
        "next: mend the cause and run the same command again: it goes on from here."
    ]


def a_failed_deploy(back: Report | None) -> Report:
    plan = a_deploy()
    failed = results(plan.batches[1].steps, "failed")
    return Report(plan, (*until(plan, 1), *failed), "batch “replace 1 of 2” failed on h1", 1, RUN, back)


def test_a_fleet_that_was_taken_back_is_told_and_needs_no_resume(capsys: Out) -> None:
    say_failures(a_failed_deploy(Report(a_deploy())))

    assert capsys.readouterr().err.splitlines() == [
        "error: h1: shop-web-1: it broke",
        "error: apply shop: stopped: batch “replace 1 of 2” failed on h1",
        "  done: nothing",
        "  not touched: shop-web-2",
        "  went back: the whole fleet is on generation 7 again",
        "next: mend the cause, then apply again.",
    ]


def test_a_fleet_that_could_be_taken_back_only_in_part_says_so(capsys: Out) -> None:
    plan = a_deploy()
    back = Report(plan, results(plan.batches[2].steps, "failed"), "batch “replace 2 of 2” failed on h2")

    say_failures(a_failed_deploy(back))

    assert capsys.readouterr().err.splitlines()[4:] == [
        "error: h2: shop-web-2: it broke",
        "  went back: only in part: batch “replace 2 of 2” failed on h2",
        "next: mend the cause, then",
        f"  clusterctl resume {RUN}  goes on from here, or",
        f"  clusterctl abort {RUN}  takes back what it began.",
        "  After a change of the playbook type the command again: resume goes on with what it was.",
    ]


def test_a_command_that_the_operator_ran_about_a_host_counts_for_that_host(capsys: Out) -> None:
    step = RunCommand("", "balancer out h1", 10.0, "hook", about="h1")
    plan = Plan(
        "run",
        "steps",
        (Batch("before", (step,)),),
        host_changes=(HostChange("command", "h1", "balancer out h1"),),
    )

    print_report(Report(plan, (StepResult(step, "changed"),), "", 1), Stopwatch())

    assert capsys.readouterr().out.splitlines()[-1] == "run steps: done: 1 command run"


def test_of_several_commands_on_one_host_each_has_its_own_fate(capsys: Out) -> None:
    steps = (
        CopyFile("h1", "/etc/a", b"", 0o644, "root:root", "step copy"),
        RunCommand("h1", "load", 10.0, "step exec", about="h1"),
        RunCommand("h1", "test", 10.0, "step exec", about="h1"),
    )
    reasons = ("copy to /etc/a", "load", "test")
    changes = tuple(HostChange("command", "h1", reason) for reason in reasons)
    plan = Plan("run", "steps", tuple(Batch("exec", (step,)) for step in steps), host_changes=changes)
    ended = (*results(steps[:1], "changed"), *results(steps[1:2], "failed"))

    print_report(Report(plan, ended, "batch “exec” failed on h1", 1), Stopwatch())

    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows == [["DONE", "FAILED", "NOT", "TOUCHED"], ["commands", "run", "1", "1", "1"]]


def test_a_drain_says_how_the_hosts_come_back(capsys: Out) -> None:
    plan = Plan("cordon", "h[1-2]", a_reboot().batches[:1], host_changes=a_reboot().host_changes[:2])

    print_report(Report(plan, until(plan, 1), "", 1), Stopwatch())

    assert capsys.readouterr().out.splitlines()[-2:] == [
        "next: nothing is placed on h[1-2] until clusterctl uncordon 'h[1-2]'",
        "cordon h[1-2]: done: 2 cordoned",
    ]


def test_many_instances_are_not_listed_without_end(capsys: Out) -> None:
    plan = Plan("apply", "shop", a_deploy().batches, a_deploy().changes * 15)

    say_failures(Report(plan, (), "interrupted"))

    line = capsys.readouterr().err.splitlines()[2]
    assert line.endswith("shop-web-1, shop-web-2, and 10 more")


def test_a_report_in_json_names_run_and_seconds_and_what_went_back() -> None:
    found = report_document(a_failed_deploy(Report(a_deploy())), duration_s=60.00049, hosts_s={"h1": 43.25})

    assert (found["run"], found["duration_s"], found["hosts_s"]) == (RUN, 60.0, {"h1": 43.25})
    assert found["rolled_back"]["ok"] is True
    assert found["rolled_back"]["rolled_back"] is None
