"""What an update would change on one host, what is left out and why, and the steps for it.

Pure pieces for `update_hosts` and `steps`, which decide who goes when. How a host does it, and takes it back, is
`remote.packages`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from clusterctl.model.intent import UpdateIntent
from clusterctl.model.packages import PackageChange, PackageFacts
from clusterctl.model.plan import Blocked
from clusterctl.model.run import RunSummary
from clusterctl.model.snapshot import HostFacts, Snapshot
from clusterctl.model.step import CopyFile, Step
from clusterctl.model.update_step import ApplyUpdates, ArmUndo, CommitUpdates, StageUpdates, UndoUpdates

APPLY_S = 1800
"""How long a package manager may take, in seconds; taking an update back comes on top."""

UNDO_S = 900
"""How long taking an update back may take, in seconds."""

MIGRATE_DATA = (
    *("postgresql", "mysql", "default-mysql", "mariadb", "percona", "mongo", "redis-server", "valkey-server"),
    *(
        "elasticsearch",
        "opensearch",
        "clickhouse",
        "cassandra",
        "couchdb",
        "influxdb",
        "rabbitmq-server",
        "slapd",
    ),
    *("libc6", "libc-bin", "libc-dev-bin", "libc-l10n", "locales", "glibc"),
)
"""How the names of packages begin that change data when they are installed: an older version cannot follow."""

DOCKER = frozenset(
    {
        "docker.io",
        "docker-ce",
        "docker-engine",
        "docker",
        "moby-engine",
        "containerd",
        "containerd.io",
        "runc",
    }
)
"""Packages whose update stops containers."""

NO_AUTO_REBOOT = "/etc/apt/apt.conf.d/99zz-clusterctl-no-auto-reboot"
_ARCHITECTURES = (".x86_64", ".aarch64", ".noarch", ".i686")
_MOST_NAMES = 8


@dataclass(frozen=True, slots=True)
class PackagePlan:
    """What happens to the packages of one host. `armed`: an update of this run waits to be committed there."""

    driver: str = ""
    changes: tuple[PackageChange, ...] = ()
    notes: tuple[str, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    needs_reboot: bool = False
    touches_docker: bool = False
    armed: bool = False
    disables_auto_reboot: bool = False
    undo_after_s: int = 900


def bad_versions(snapshot: Snapshot, facts: HostFacts) -> frozenset[tuple[str, str]]:
    """Return the versions (name, version) that were taken back on any host of the same operating system."""
    alike = (each.packages for each in snapshot.seen if each.os == facts.os and each.packages)
    return frozenset(bad for packages in alike for bad in packages.bad)


def plan_changes(
    facts: HostFacts, intent: UpdateIntent, bad: frozenset[tuple[str, str]], run: RunSummary
) -> PackagePlan:
    """Return what the update changes on a host, or why it must not be updated."""
    found = facts.packages
    if found is None:
        return PackagePlan(blocked=(_block(facts, "its packages were not looked at"),))
    armed = found.armed_run == run.id
    chosen, notes = _choose(found, intent, bad)
    plan = PackagePlan(
        found.driver,
        chosen,
        tuple(f"{facts.host}: {note}" for note in notes),
        tuple(_block(facts, why) for why in _why_not(found, intent, run, chosen)),
        needs_reboot=intent.reboot != "never" and _needs_reboot(facts, found, chosen),
        touches_docker=any(_base(change.name) in DOCKER for change in chosen),
        armed=armed,
        disables_auto_reboot=bool(chosen) and found.auto_reboot,
        undo_after_s=intent.undo_after_s,
    )
    return PackagePlan(driver=found.driver, notes=plan.notes, blocked=plan.blocked) if plan.blocked else plan


def stage_steps(host: str, plan: PackagePlan, run: RunSummary) -> tuple[Step, ...]:
    """Return the steps that download everything and keep what is replaced, before any host is touched."""
    if not plan.changes:
        return ()
    stage = StageUpdates(host, plan.driver, run.id, plan.changes, f"{len(plan.changes)} updates")
    if not plan.disables_auto_reboot:
        return (stage,)
    text = (
        b'// clusterctl reboots hosts, one after the other\nUnattended-Upgrade::Automatic-Reboot "false";\n'
    )
    reason = "the host must not reboot by itself while others are out"
    return (CopyFile(host, NO_AUTO_REBOOT, text, 0o644, "root:root", reason), stage)


def apply_steps(
    host: str, plan: PackagePlan, run: RunSummary, failed_before: Sequence[str]
) -> tuple[Step, ...]:
    """Return the steps that update a host; it is armed first, so that it comes back whatever the update breaks."""
    if not plan.changes:
        return ()
    return (
        ArmUndo(host, plan.driver, run.id, plan.undo_after_s, "comes back by itself if nobody commits"),
        ApplyUpdates(
            host,
            plan.driver,
            run.id,
            plan.changes,
            tuple(sorted(failed_before)),
            APPLY_S,
            f"{len(plan.changes)} updates",
        ),
    )


def commit_steps(host: str, plan: PackagePlan, run: RunSummary) -> tuple[Step, ...]:
    """Return the step that makes an update stay, once the host was logged in to anew and verified."""
    if not plan.changes and not plan.armed:
        return ()
    return (CommitUpdates(host, plan.driver, run.id, "verified over a new login"),)


def undo_steps(host: str, driver: str, run: str) -> tuple[Step, ...]:
    """Return the step that takes the update of a run back on a host; where there is none, it changes nothing."""
    return (UndoUpdates(host, driver, run, UNDO_S, f"run {run} is not to be finished"),)


def _why_not(
    found: PackageFacts, intent: UpdateIntent, run: RunSummary, chosen: Sequence[PackageChange]
) -> Iterable[str]:
    if found.undone_run == run.id:
        yield "came back on the old version: the host itself took the update of this run back"
        return
    if found.armed_run and found.armed_run != run.id:
        other = found.armed_run
        yield f"the update of run {other} waits to be committed or undone: clusterctl resume {other}, or abort it"
    if found.error:
        yield found.error
    if found.broken and found.armed_run != run.id:
        yield f"half-installed packages ({_names(found.broken)}): mend them first, as with dpkg --configure -a"
    if chosen and found.auto_reboot and not intent.disable_auto_reboot:
        yield (
            "would reboot by itself (unattended upgrades): turn that off, or let it be turned off "
            "with --disable-auto-reboot"
        )
    elif chosen and found.auto_reboot and found.driver != "apt":
        yield f"would reboot by itself: with {found.driver} only you can turn that off"


def _choose(
    found: PackageFacts, intent: UpdateIntent, bad: frozenset[tuple[str, str]]
) -> tuple[tuple[PackageChange, ...], list[str]]:
    """Return the changes that are made, and notes on those that are not."""
    left = list(found.pending)
    notes = []
    for reason, out in (
        ("migrate data, update them by hand", [change for change in left if _migrates(change)]),
        ("were taken back before (--retry-bad)", [] if intent.retry_bad else _bad(left, bad)),
        ("are no security updates", [c for c in left if not c.security] if intent.security else []),
    ):
        gone = [change for change in out if change in left]
        left = [change for change in left if change not in gone]
        if gone:
            notes.append(f"left out, since they {reason}: {_names(str(change) for change in gone)}")
    if found.held:
        notes.append(f"held: {_names(found.held)}")
    removed = [change.name for change in left if not change.new]
    if removed:
        notes.append(f"the update removes {_names(removed)}")
    if left and not found.tested:
        notes.append(f"{found.driver} was tried against recorded output only")
    return tuple(left), notes


def _bad(changes: Iterable[PackageChange], bad: frozenset[tuple[str, str]]) -> list[PackageChange]:
    return [change for change in changes if (change.name, change.new) in bad]


def _migrates(change: PackageChange) -> bool:
    return bool(change.old) and change.name.startswith(MIGRATE_DATA)


def _needs_reboot(facts: HostFacts, found: PackageFacts, chosen: Sequence[PackageChange]) -> bool:
    if facts.reboot_reasons or found.reboot_reasons:
        return True
    return any(change.wants_reboot for change in chosen) or (
        bool(chosen) and found.grade in {"image", "snapshot"}
    )


def _base(name: str) -> str:
    """Return a package's name without its architecture."""
    plain = name.partition(":")[0]
    return next((plain.removesuffix(end) for end in _ARCHITECTURES if plain.endswith(end)), plain)


def _names(names: Iterable[str]) -> str:
    found = list(names)
    more = f" and {len(found) - _MOST_NAMES} more" if len(found) > _MOST_NAMES else ""
    return ", ".join(found[:_MOST_NAMES]) + more


def _block(facts: HostFacts, why: str) -> Blocked:
    return Blocked("guard", facts.host, why)
