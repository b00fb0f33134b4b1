"""What an update changes on one host, what is left out and why, and its steps."""

from __future__ import annotations

from typing import Any

import pytest

from clusterctl.model.intent import UpdateIntent
from clusterctl.model.packages import PackageChange, PackageFacts
from clusterctl.model.plan import Blocked
from clusterctl.model.run import RunSummary
from clusterctl.model.snapshot import HostFacts
from clusterctl.model.step import CopyFile
from clusterctl.model.update_step import ApplyUpdates, ArmUndo, CommitUpdates, StageUpdates
from clusterctl.planning.update import (
    APPLY_S,
    PackagePlan,
    apply_steps,
    bad_versions,
    commit_steps,
    plan_changes,
    stage_steps,
)
from tests.builders import a_snapshot, facts_of

RUN = RunSummary("run-2", "update", "all", "clusterctl update all", "dev@desk", 1_800_000_000)
CURL = PackageChange("curl", "1.0", "1.1")
OPENSSL = PackageChange("openssl", "3.0", "3.1", security=True)


def a_host_with(*pending: PackageChange, host: str = "h1", **fields: Any) -> HostFacts:
    usual: dict[str, Any] = {"driver": "apt", "grade": "package", "tested": True, "pending": pending}
    return facts_of(host, packages=PackageFacts(**(usual | fields)))


def plan_of(facts: HostFacts, bad: frozenset[tuple[str, str]] = frozenset(), **options: Any) -> PackagePlan:
    return plan_changes(facts, UpdateIntent(("h1",), **options), bad, RUN)


def block_of(facts: HostFacts, **options: Any) -> str:
    plan = plan_of(facts, **options)
    assert plan.changes == ()
    (block,) = plan.blocked
    assert block == Blocked("guard", "h1", block.reason)
    return block.reason


# --- what is changed -----------------------------------------------------------------------------


def test_all_that_is_pending_is_changed() -> None:
    plan = plan_of(a_host_with(CURL, OPENSSL))

    assert plan.changes == (CURL, OPENSSL)
    assert (plan.needs_reboot, plan.touches_docker, plan.armed) == (False, False, False)
    assert plan.notes == ()


def test_with_security_only_the_rest_is_left_out_and_named() -> None:
    plan = plan_of(a_host_with(CURL, OPENSSL), security=True)

    assert plan.changes == (OPENSSL,)
    assert plan.notes == ("h1: left out, since they are no security updates: curl 1.0 -> 1.1",)


@pytest.mark.parametrize(
    "name", ["postgresql-15", "mysql-server-8.0", "mariadb-server", "libc6", "libc6:i386", "redis-server"]
)
def test_packages_that_migrate_data_are_left_out(name: str) -> None:
    plan = plan_of(a_host_with(CURL, PackageChange(name, "1.0", "2.0")))

    assert plan.changes == (CURL,)
    assert plan.notes == (f"h1: left out, since they migrate data, update them by hand: {name} 1.0 -> 2.0",)


def test_a_version_that_was_taken_back_is_not_offered_again() -> None:
    plan = plan_of(a_host_with(CURL, OPENSSL), frozenset({("curl", "1.1")}))

    assert plan.changes == (OPENSSL,)
    assert plan.notes == ("h1: left out, since they were taken back before (--retry-bad): curl 1.0 -> 1.1",)


def test_another_version_of_a_bad_package_is_offered() -> None:
    plan = plan_of(a_host_with(CURL), frozenset({("curl", "1.0.5")}))

    assert plan.changes == (CURL,)


def test_with_retry_bad_it_is_offered_again() -> None:
    plan = plan_of(a_host_with(CURL), frozenset({("curl", "1.1")}), retry_bad=True)

    assert plan.changes == (CURL,)


def test_a_version_is_bad_on_all_hosts_of_the_same_system() -> None:
    snapshot = a_snapshot(
        a_host_with(host="h1"),
        a_host_with(host="h2", bad=(("curl", "1.1"),)),
        facts_of("h3", os="Ubuntu 24.04", packages=PackageFacts(bad=(("nginx", "2"),))),
    )

    assert bad_versions(snapshot, snapshot.seen[0]) == {("curl", "1.1")}
    assert bad_versions(snapshot, snapshot.seen[2]) == {("nginx", "2")}


def test_held_and_removed_packages_are_told() -> None:
    plan = plan_of(a_host_with(PackageChange("oldthing", "1.0", ""), held=("docker-ce",)))

    assert plan.notes == ("h1: held: docker-ce", "h1: the update removes oldthing")


def test_a_driver_without_real_hosts_behind_it_says_so() -> None:
    plan = plan_of(a_host_with(CURL, driver="dnf", tested=False))

    assert plan.notes == ("h1: dnf was tried against recorded output only",)


# --- what the host goes through ------------------------------------------------------------------


@pytest.mark.parametrize("name", ["linux-image-6.1.0-28-amd64", "systemd", "dbus", "intel-microcode"])
def test_some_packages_want_a_reboot(name: str) -> None:
    facts = a_host_with(PackageChange(name, "1.0", "1.1"))

    assert plan_of(facts).needs_reboot
    assert not plan_of(facts, reboot="never").needs_reboot


def test_a_host_that_wants_a_reboot_already_gets_it() -> None:
    assert plan_of(a_host_with(reboot_reasons=("reboot-required",))).needs_reboot


def test_an_image_is_used_from_the_next_boot_on() -> None:
    assert plan_of(a_host_with(CURL, driver="bootc", grade="image")).needs_reboot


@pytest.mark.parametrize("name", ["docker.io", "docker-ce.x86_64", "containerd.io", "runc"])
def test_updating_the_engine_stops_containers(name: str) -> None:
    assert plan_of(a_host_with(PackageChange(name, "1", "2"))).touches_docker


def test_a_package_that_only_begins_like_the_engine_does_not() -> None:
    assert not plan_of(a_host_with(PackageChange("docker-ce-cli", "1", "2"))).touches_docker


# --- what forbids it -----------------------------------------------------------------------------


def test_packages_that_were_not_looked_at_are_unknown() -> None:
    assert block_of(facts_of("h1")) == "its packages were not looked at"


def test_a_package_manager_that_cannot_answer_blocks() -> None:
    assert block_of(a_host_with(error="apt cannot refresh its lists: E: x")) == (
        "apt cannot refresh its lists: E: x"
    )


def test_half_installed_packages_block() -> None:
    assert block_of(a_host_with(CURL, broken=("lab-daemon",))) == (
        "half-installed packages (lab-daemon): mend them first, as with dpkg --configure -a"
    )


def test_the_update_of_another_run_that_is_not_committed_blocks() -> None:
    assert block_of(a_host_with(CURL, armed_run="run-1")) == (
        "the update of run run-1 waits to be committed or undone: clusterctl resume run-1, or abort it"
    )


def test_a_host_that_reboots_by_itself_blocks() -> None:
    assert block_of(a_host_with(CURL, auto_reboot=True)) == (
        "would reboot by itself (unattended upgrades): turn that off, or let it be turned off "
        "with --disable-auto-reboot"
    )


def test_with_consent_apt_hosts_are_kept_from_rebooting_by_themselves() -> None:
    plan = plan_of(a_host_with(CURL, auto_reboot=True), disable_auto_reboot=True)

    copy, stage = stage_steps("h1", plan, RUN)

    assert isinstance(copy, CopyFile)
    assert copy.path == "/etc/apt/apt.conf.d/99zz-clusterctl-no-auto-reboot"
    assert b'Unattended-Upgrade::Automatic-Reboot "false";' in copy.content
    assert isinstance(stage, StageUpdates)


def test_with_other_drivers_consent_is_not_enough() -> None:
    facts = a_host_with(CURL, auto_reboot=True, driver="rpm-ostree", grade="image")

    assert block_of(facts, disable_auto_reboot=True) == (
        "would reboot by itself: with rpm-ostree only you can turn that off"
    )


def test_a_host_that_reboots_by_itself_and_has_nothing_pending_is_left_alone() -> None:
    assert plan_of(a_host_with(auto_reboot=True)).blocked == ()


# --- resumed -------------------------------------------------------------------------------------


def test_a_host_that_waits_to_be_committed_by_this_run_is_committed() -> None:
    plan = plan_of(a_host_with(armed_run="run-2"))

    assert plan.armed
    assert stage_steps("h1", plan, RUN) == ()
    assert apply_steps("h1", plan, RUN, ()) == ()
    assert commit_steps("h1", plan, RUN) == (
        CommitUpdates("h1", "apt", "run-2", "verified over a new login"),
    )


def test_half_installed_packages_of_this_very_run_do_not_block_it() -> None:
    assert plan_of(a_host_with(CURL, armed_run="run-2", broken=("curl",))).changes == (CURL,)


def test_a_host_that_took_this_run_back_says_so() -> None:
    assert block_of(a_host_with(CURL, undone_run="run-2")) == (
        "came back on the old version: the host itself took the update of this run back"
    )


# --- steps ---------------------------------------------------------------------------------------


def test_a_host_is_armed_before_it_is_updated() -> None:
    plan = plan_of(a_host_with(CURL), undo_after_s=60)

    assert stage_steps("h1", plan, RUN) == (StageUpdates("h1", "apt", "run-2", (CURL,), "1 updates"),)
    assert apply_steps("h1", plan, RUN, ("b.service", "a.service")) == (
        ArmUndo("h1", "apt", "run-2", 60, "comes back by itself if nobody commits"),
        ApplyUpdates("h1", "apt", "run-2", (CURL,), ("a.service", "b.service"), APPLY_S, "1 updates"),
    )


def test_a_host_with_nothing_to_do_has_no_steps() -> None:
    plan = plan_of(a_host_with())

    assert (
        *stage_steps("h1", plan, RUN),
        *apply_steps("h1", plan, RUN, ()),
        *commit_steps("h1", plan, RUN),
    ) == ()
