"""A playbook's steps over groups of hosts: the same pieces as the verbs, and the same limits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clusterctl.model.intent import PlaybookStep, RebootIntent, Rolling, StepsIntent
from clusterctl.model.inventory import Policy
from clusterctl.model.limit import Limit
from clusterctl.model.service import Mount, UpdateConfig
from clusterctl.model.step import Reboot, RunCommand
from clusterctl.planning.host_plan import SETTLE_S
from clusterctl.planning.intents import freeze
from clusterctl.planning.playbook_groups import SMALLER, groups_of
from tests.builders import a_project, a_service
from tests.conduct import a_summary, carry_out
from tests.fake_cluster import FakeCluster
from tests.planning.fleets import a_fleet, lines, opened, plan_for, planned, put, titled, where

ALL = ("h1", "h2", "h3", "h4", "h5")
RUN = a_summary("run", "work")
DRAIN, REBOOT, UNCORDON = PlaybookStep("drain"), PlaybookStep("reboot"), PlaybookStep("uncordon")
ROLLING_REBOOT = (DRAIN, REBOOT, PlaybookStep("verify"), UNCORDON)
HELLO = PlaybookStep("exec", {"command": "hello"})


def steps(*given: PlaybookStep, hosts: tuple[str, ...] = ALL, **fields: object) -> StepsIntent:
    return replace(StepsIntent("work", hosts, given), **fields)  # type: ignore[arg-type]


def group_sizes(serial: tuple[Limit, ...], hosts: int) -> list[int]:
    return [len(group) for group in groups_of([f"h{n}" for n in range(hosts)], serial)]


def boots(cluster: FakeCluster) -> dict[str, int]:
    return {name: host.boots for name, host in cluster.hosts.items()}


# --- groups ---------------------------------------------------------------------------------------


def test_groups_have_the_sizes_of_serial_and_its_last_is_repeated() -> None:
    assert group_sizes((Limit(1), Limit(None, 10), Limit(None, 100)), 30) == [1, 3, 26]
    assert group_sizes((Limit(2),), 5) == [2, 2, 1]
    assert group_sizes((Limit(None, 10),), 5) == [1, 1, 1, 1, 1]
    assert group_sizes((Limit(1),), 0) == []


def test_a_group_goes_through_all_steps_before_the_next_begins() -> None:
    cluster = a_fleet(hosts=5)

    found = planned(cluster, steps(HELLO, REBOOT, UNCORDON, hosts=("h4", "h5")), RUN)

    assert [batch.title for batch in found.batches] == ["cordon"] + 2 * [
        "exec",
        "take out",
        "reboot",
        "verify",
        "back",
    ]
    assert opened(found) == [("h4",), ("h5",)]


def test_lock_hosts_and_the_canary_go_alone_where_hosts_are_taken_out() -> None:
    cluster = a_fleet(hosts=8)
    rolling = Rolling(Limit(3), canary="h7")
    names = cluster.inventory.names

    found = planned(cluster, steps(*ROLLING_REBOOT, hosts=names, serial=(Limit(3),), rolling=rolling), RUN)

    assert opened(found) == [("h7",), ("h4", "h5"), ("h6", "h8"), ("h1",), ("h2",), ("h3",)]


def test_without_anything_taken_out_groups_stay_whole() -> None:
    cluster = a_fleet(hosts=5)

    found = planned(cluster, steps(HELLO, serial=(Limit(None, 100),)), RUN)

    assert [len(batch.steps) for batch in found.batches] == [5]


# --- limits before anything starts ----------------------------------------------------------------


def test_a_group_larger_than_the_limit_goes_in_smaller_ones_and_the_plan_says_so() -> None:
    rolling = Rolling(Limit(2))
    intent = steps(
        *ROLLING_REBOOT, hosts=("h4", "h5", "h6", "h7"), serial=(Limit(None, 100),), rolling=rolling
    )

    found = planned(a_fleet(hosts=8), intent, RUN)

    assert opened(found) == [("h4", "h5"), ("h6", "h7")]
    assert found.notes == (SMALLER,)


def test_hosts_that_would_leave_too_little_of_a_service_do_not_go_together() -> None:
    cluster = a_fleet(a_service(replicas=5), hosts=5)
    cluster.inventory = replace(cluster.inventory, policy=Policy(lock_hosts=("h1",)))
    ports = a_service("api", replicas=5, port=80, update=UpdateConfig(1))
    put(cluster, a_project(ports, name="other"))
    rolling = Rolling(Limit(2))

    found = planned(
        cluster, steps(*ROLLING_REBOOT, hosts=("h4", "h5"), serial=(Limit(2),), rolling=rolling), RUN
    )

    assert found.blocked == ()
    assert opened(found) == [("h4",), ("h5",)]
    assert found.notes == (SMALLER,)


def test_hosts_of_one_failure_domain_do_not_go_together_where_its_limit_is_one() -> None:
    inventory = a_fleet(hosts=8).inventory
    hosts = tuple(replace(h, labels={"zone": "a" if h.name < "h6" else "b"}) for h in inventory.hosts)
    policy = replace(inventory.policy, max_unavailable=Limit(2), max_unavailable_per_domain=Limit(1))
    cluster = FakeCluster(replace(inventory, hosts=hosts, policy=policy))

    found = planned(cluster, steps(*ROLLING_REBOOT, hosts=("h4", "h5", "h6", "h7"), serial=(Limit(4),)), RUN)

    assert opened(found) == [("h4", "h6"), ("h5", "h7")]


def test_hosts_that_no_step_lets_back_must_fit_under_the_limit_all_together() -> None:
    cluster = a_fleet(a_service(replicas=3), hosts=8)

    found = planned(cluster, steps(DRAIN, REBOOT, hosts=("h4", "h5")), RUN)

    assert [block.reason for block in found.blocked] == [
        "limit: at most 1 hosts out at once, and these are 2"
    ]
    allowed = planned(cluster, steps(DRAIN, hosts=("h4",)), RUN)
    assert allowed.blocked == ()
    assert allowed.notes == ("h4: stay cordoned, since no step uncordons them",)


def test_what_cannot_leave_is_listed_before_anything_starts() -> None:
    cluster = a_fleet(a_service("db", mounts=(Mount("volume", "data", "/data"),)))

    found = planned(cluster, steps(*ROLLING_REBOOT), RUN)

    assert [block.reason for block in found.blocked] == [
        "shop-db-1 cannot leave: volume data holds its data here"
    ]
    assert found.batches == ()


def test_apply_is_one_and_the_last() -> None:
    cluster, apply = a_fleet(hosts=5), PlaybookStep("apply", project=a_project())

    assert [b.reason for b in planned(cluster, steps(apply, HELLO), RUN).blocked] == [
        "apply must be the last step: it is about all hosts"
    ]
    assert planned(cluster, steps(HELLO, apply, apply), RUN).blocked[-1].reason == (
        "one apply is the most that steps may have"
    )


# --- each verb ------------------------------------------------------------------------------------


def test_a_rolling_reboot_is_what_the_verb_does() -> None:
    cluster = a_fleet(a_service(replicas=5))
    verb = planned(cluster, RebootIntent(("h4",)))

    found = planned(cluster, steps(REBOOT, UNCORDON, hosts=("h4",)), RUN)

    assert lines(found) == lines(verb)


def test_commands_and_files_are_idempotent_by_their_arguments() -> None:
    cluster = a_fleet(hosts=3)
    command = PlaybookStep("exec", {"command": "make", "creates": "/made", "unless": "test -e /x"}, 30.0)
    local = PlaybookStep("exec", {"command": "lb out", "on": "operator"})
    copy = PlaybookStep("copy", {"dest": "/etc/motd", "mode": "0600", "owner": "ops:ops"}, content=b"hi\n")

    found = planned(cluster, steps(command, local, copy, hosts=("h1",)), RUN)

    assert titled(found, "exec").steps == (
        RunCommand("h1", "make", 30.0, "step exec", "h1", "/made", "test -e /x"),
    )
    assert lines(found)[1] == "exec: run 'lb out' on operator about h1"
    assert carry_out(cluster, found).ok
    assert cluster.hosts["h1"].copied == {"/etc/motd": (b"hi\n", 0o600, "ops:ops")}


def test_a_wait_is_a_pause_between_batches() -> None:
    found = planned(
        a_fleet(hosts=3), steps(HELLO, PlaybookStep("wait", {"seconds": "90"}), hosts=("h1",)), RUN
    )

    assert [(batch.title, batch.steps, batch.pause_s) for batch in found.batches][1] == (
        "wait 90 s",
        (),
        90.0,
    )


def test_a_gate_runs_with_the_operator_and_closes_on_failure() -> None:
    cluster = a_fleet(hosts=5)
    cluster.failing_commands.add("curl lb")
    gate = PlaybookStep("gate", {"command": "curl lb"})

    found = planned(cluster, steps(HELLO, gate, max_fail=3, on_failure="continue"), RUN)
    report = carry_out(cluster, found)

    assert titled(found, "gate").tolerated == 0
    assert report.stopped == "batch “gate” failed on the operator"
    assert cluster.commands == [("h4", "hello"), ("", "curl lb")]


def test_a_step_has_a_timeout_of_its_own() -> None:
    reboot = PlaybookStep("reboot", {"soak": "45"}, 900.0)

    found = planned(a_fleet(hosts=5), steps(reboot, UNCORDON, hosts=("h4",)), RUN)

    assert [s.deadline_s for b in found.batches for s in b.steps if isinstance(s, Reboot)] == [900]
    assert titled(found, "verify").steps[0].soak_s == 45  # type: ignore[union-attr]


def test_the_worst_case_counts_every_step_until_the_hosts_are_back() -> None:
    given = (
        PlaybookStep("exec", {"command": "a"}, 1000.0),
        PlaybookStep("drain", timeout_s=100.0),
        PlaybookStep("reboot", timeout_s=200.0),
        PlaybookStep("wait", {"seconds": "7"}),
        PlaybookStep("uncordon", timeout_s=50.0),
        PlaybookStep("exec", {"command": "b"}, 1000.0),
    )

    found = planned(a_fleet(hosts=5), steps(*given, hosts=("h4",)), RUN)

    assert titled(found, "take out").worst_s == 100 + 200 + 7 + SETTLE_S


def test_if_needed_reboots_nobody_who_does_not_ask_for_it() -> None:
    found = planned(a_fleet(hosts=5), steps(PlaybookStep("reboot", {"if_needed": "true"}), UNCORDON), RUN)

    assert opened(found) == []


def test_an_apply_sees_where_the_steps_before_it_have_moved_everything() -> None:
    old = a_service("web", port=80, replicas=2, environment={"KEY": "1"})
    cluster = a_fleet(old, a_service("one"))
    new = a_project(replace(old, image="registry:5000/web:2"), a_service("one"))
    apply = PlaybookStep("apply", project=new)

    found = planned(cluster, steps(*ROLLING_REBOOT, apply), RUN)

    assert found.blocked == ()
    assert carry_out(cluster, found).ok
    assert plan_for(cluster, new).is_empty
    assert len(where(cluster)) == 3


# --- failures -------------------------------------------------------------------------------------


def test_the_first_failure_stops_everything_by_default() -> None:
    cluster = a_fleet(hosts=5)
    cluster.failing_commands.add("hello")

    report = carry_out(cluster, planned(cluster, steps(HELLO), RUN))

    assert report.stopped == "batch “exec” failed on h4"
    assert cluster.commands == [("h4", "hello")]


def test_up_to_max_fail_hosts_may_fail_and_nothing_more_is_done_to_them() -> None:
    cluster = a_fleet(hosts=5)
    cluster.hosts["h4"].locked_by = "apply by sre"

    report = carry_out(
        cluster, planned(cluster, steps(HELLO, PlaybookStep("exec", {"command": "bye"}), max_fail=1), RUN)
    )

    assert report.stopped == ""
    assert not report.ok
    assert [result.step.host for result in report.results if result.status == "skipped"] == ["h4"]
    assert [host for host, command in cluster.commands if command == "bye"] == ["h5", "h1", "h2", "h3"]


def test_one_failure_more_than_max_fail_stops() -> None:
    cluster = a_fleet(hosts=5)
    for name in ("h4", "h5"):
        cluster.hosts[name].locked_by = "apply by sre"

    report = carry_out(cluster, planned(cluster, steps(HELLO, max_fail=1), RUN))

    assert report.stopped == "batch “exec” failed on h5"


def test_with_on_failure_continue_everybody_else_is_done() -> None:
    cluster = a_fleet(hosts=5)
    for name in ("h4", "h5", "h1"):
        cluster.hosts[name].locked_by = "apply by sre"

    report = carry_out(cluster, planned(cluster, steps(HELLO, on_failure="continue"), RUN))

    assert report.stopped == ""
    assert [host for host, _ in cluster.commands] == ["h2", "h3"]


def test_a_host_that_failed_is_not_asked_for_before_the_others_are_opened() -> None:
    cluster = a_fleet(hosts=6)
    intent = steps(HELLO, REBOOT, UNCORDON, hosts=("h4", "h5"), serial=(Limit(2),), max_fail=1)
    found = planned(cluster, replace(intent, rolling=Rolling(Limit(2))), RUN)
    cluster.hosts["h4"].locked_by = "apply by sre"

    report = carry_out(cluster, found)

    assert report.stopped == ""
    assert (boots(cluster)["h4"], boots(cluster)["h5"]) == (0, 1)


def test_no_old_copy_stops_where_its_replacement_did_not_start_whatever_is_tolerated() -> None:
    cluster = a_fleet(a_service(replicas=5))
    cluster.broken_images.add("registry:5000/web:1")
    before = where(cluster)

    report = carry_out(cluster, planned(cluster, steps(*ROLLING_REBOOT, hosts=("h4",), max_fail=9), RUN))

    assert report.stopped == "batch “start elsewhere” failed on h1"
    assert where(cluster) == before


def test_no_old_copy_stops_where_its_replacement_was_to_start_on_a_host_that_has_failed() -> None:
    cluster = a_fleet(a_service(replicas=5), hosts=5)
    intent = steps(HELLO, *ROLLING_REBOOT, hosts=("h1", "h4"), max_fail=9, rolling=Rolling(Limit(2)))
    found = planned(cluster, intent, RUN)
    target = titled(found, "start elsewhere").steps[0].host
    cluster.hosts[target].locked_by = "apply by sre"
    before = where(cluster)

    report = carry_out(cluster, found)

    assert report.stopped.startswith("batch “start elsewhere” failed on")
    assert where(cluster) == before


def test_a_replacement_on_a_host_that_failed_earlier_stops_the_run() -> None:
    cluster = a_fleet(a_service(replicas=5), hosts=5)
    intent = steps(HELLO, DRAIN, REBOOT, UNCORDON, hosts=("h4", "h5"), max_fail=9)
    found = planned(cluster, replace(intent, rolling=Rolling(Limit(2))), RUN)
    assert lines(found, "start elsewhere")[1] == "start elsewhere: start shop-web-5 on h4"
    done = [batch.title for batch in found.batches].index("verify")
    cluster.hosts["h4"].failed.add("new.service")

    report = carry_out(cluster, found)

    assert found.batches[done].title == "verify"
    assert report.stopped == "shop-web-5 was to be started on h4, which has failed"
    assert where(cluster)["shop-web-5"] == "h5"


def test_a_host_that_failed_before_it_was_taken_out_keeps_what_it_runs() -> None:
    cluster = a_fleet(a_service(replicas=5), hosts=5)
    cluster.failing_commands.add("prepare h4")
    only = PlaybookStep("exec", {"command": "prepare h4"})
    found = planned(cluster, steps(only, *ROLLING_REBOOT, hosts=("h4",), max_fail=1), RUN)

    report = carry_out(cluster, found)

    assert report.stopped == ""
    assert where(cluster)["shop-web-4"] == "h4"
    assert len(where(cluster)) == 5
    assert boots(cluster)["h4"] == 0


# --- resumed --------------------------------------------------------------------------------------


def test_a_host_that_was_rebooted_and_brought_back_is_left_out() -> None:
    cluster = a_fleet(a_service(replicas=3))
    intent = freeze(steps(*ROLLING_REBOOT), cluster.see())
    assert isinstance(intent, StepsIntent)
    found = planned(cluster, intent, RUN)
    backs = [n for n, batch in enumerate(found.batches) if batch.title == "back"]
    for batch in found.batches[: backs[1] + 1]:
        cluster.perform(batch, lambda _: None, 0)

    again = planned(cluster, intent, RUN)

    assert opened(again) == [("h1",), ("h2",), ("h3",)]
    assert carry_out(cluster, again).ok
    assert boots(cluster) == dict.fromkeys(ALL, 1)


def test_a_host_that_was_rebooted_and_not_brought_back_is_not_rebooted_again() -> None:
    cluster = a_fleet(a_service("agent", mode="global"))
    intent = freeze(steps(*ROLLING_REBOOT, hosts=("h4", "h5")), cluster.see())
    found = planned(cluster, intent, RUN)
    for batch in found.batches[: [b.title for b in found.batches].index("reboot") + 1]:
        cluster.perform(batch, lambda _: None, 0)

    again = planned(cluster, intent, RUN)

    assert [s.host for b in again.batches for s in b.steps if isinstance(s, Reboot)] == ["h5"]
    assert lines(again, "verify")[0] == "verify: verify h4 clusterctl-shop-agent-4.service"
    assert carry_out(cluster, again).ok
    assert boots(cluster) == {"h1": 0, "h2": 0, "h3": 0, "h4": 1, "h5": 1}


@pytest.mark.parametrize("verb", ["cordon", "uncordon"])
def test_cordon_and_uncordon_are_steps_too(verb: str) -> None:
    cluster = a_fleet(hosts=4)

    found = planned(cluster, steps(PlaybookStep(verb), hosts=("h4",)), RUN)  # type: ignore[arg-type]

    assert (
        lines(found)[0]
        == {"cordon": "cordon: mark h4 cordoned", "uncordon": "back: unmark h4 cordoned"}[verb]
    )
