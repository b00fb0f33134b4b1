"""The kit of an update in a real shell, with a package manager made of one file and a systemd that says what it is told."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import pytest

DRIVER = r"""
drv_stage() { if [ -e "$ROOT/no-stage" ]; then echo "no room; nothing was changed"; return 1; fi; }
drv_ready() { :; }
drv_before() { :; }
drv_list() { sort "$ROOT/installed"; }
drv_audit() { cat "$ROOT/audit" 2>/dev/null; }
drv_apply() { awk '{ print $1, $3 }' "$DIR/changes" >"$ROOT/installed"; cp "$ROOT/then" "$ROOT/units" 2>/dev/null
  if [ -e "$ROOT/no-apply" ]; then echo "dpkg said no"; return 1; fi; }
drv_undo() { cp "$DIR/before" "$ROOT/installed"; cp "$ROOT/well" "$ROOT/units"; }
drv_units() { :; }
drv_kernel() { false; }
main "$@"
"""
# What the fake systemctl says: list-units from the states in `units` (id active sub enabled restarts).
SYSTEMCTL = r"""
case "$*" in
  *list-units*--failed*) awk '$2 == "failed" { print $1 }' "$ROOT/units" ;;
  *list-units*) awk '$3 == "running" { print $1 }' "$ROOT/units" ;;
  show*) awk '{ print "Id=" $1 "\nLoadState=loaded\nActiveState=" $2 "\nSubState=" $3 "\nUnitFileState=" $4 "\nNRestarts=" $5 "\n" }' "$ROOT/units" ;;
  restart*undo.timer) echo "timer" >>"$ROOT/calls" ;;
esac
"""
WELL = "web.service active running enabled 0\n"


@dataclass(frozen=True)
class Host:
    """A host in a folder, with one package `web` and its unit."""

    root: Path

    def kit(self, *words: str, run: str = "run-1") -> tuple[int, str]:
        done = subprocess.run(
            ["sh", str(self.root / "updates" / run / "kit.sh"), *words],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout.strip()

    def offer(self, run: str = "run-1", changes: str = "web 1.0 1.1\n", driver: str = DRIVER) -> None:
        folder = self.root / "updates" / run
        folder.mkdir(parents=True, exist_ok=True)
        text = (resources.files("clusterctl.remote") / "shell" / "updates_kit.sh").read_text("utf-8") + driver
        for old, new in (
            ("PATH=/usr/local/sbin", f"ROOT={self.root}; PATH={self.root}/bin:/usr/local/sbin"),
            ("/etc/systemd/system", f"{self.root}/system"),
            ("/run/clusterctl", f"{self.root}/run"),
            ("WATCH_S=5", "WATCH_S=0"),
        ):
            assert old in text
            text = text.replace(old, new)
        (folder / "kit.sh").write_text(text, "utf-8")
        (folder / "changes").write_text(changes, "utf-8")

    def file(self, name: str) -> str:
        path = self.root / name
        return path.read_text("utf-8").strip() if path.exists() else ""

    def say(self, name: str, text: str = "") -> None:
        (self.root / name).write_text(text, "utf-8")

    def program(self, name: str, body: str) -> None:
        """Put a program first in the kit's PATH; $ROOT is the host's folder."""
        path = self.root / "bin" / name
        path.write_text(f"#!/bin/sh\nROOT={self.root}\n{body}\n", "utf-8")
        path.chmod(0o755)

    def is_armed(self) -> bool:
        return (self.root / "system" / "clusterctl-undo.timer").exists()


@pytest.fixture
def host(tmp_path: Path) -> Host:
    for folder in ("bin", "system", "run", "updates"):
        (tmp_path / folder).mkdir()
    made = Host(tmp_path)
    for name, body in (("systemctl", SYSTEMCTL), ("journalctl", ""), ("logger", "")):
        made.program(name, f"{body}\nexit 0")
    made.say("installed", "web 1.0\n")
    made.say("units", WELL)
    made.say("well", WELL)
    made.offer()
    return made


def updated(host: Host, delay: str = "900") -> tuple[int, str]:
    assert host.kit("stage")[0] == 0
    assert host.kit("arm", delay)[0] == 0
    return host.kit("apply")


def test_a_good_update_is_armed_until_it_is_committed(host: Host) -> None:
    assert updated(host) == (0, "updated; the undo is armed")
    assert host.is_armed()

    assert host.kit("commit") == (0, "the update stays")

    assert not host.is_armed()
    assert host.file("installed") == "web 1.1"
    assert host.file("updates/bad") == ""


def test_every_verb_may_be_repeated(host: Host) -> None:
    updated(host)

    assert host.kit("stage") == (3, "applied already")
    assert host.kit("apply") == (3, "applied already")
    assert host.kit("commit")[0] == 0
    assert host.kit("commit") == (3, "committed already")


def test_what_is_newer_than_a_committed_update_is_another_one_of_the_same_run(host: Host) -> None:
    updated(host)
    host.kit("commit")
    (host.root / "updates" / "run-1" / "changes.new").write_text("web 1.1 1.2\n", "utf-8")

    assert host.kit("stage")[0] == 0
    assert host.kit("arm", "900")[0] == 0
    assert host.kit("apply") == (0, "updated; the undo is armed")

    assert host.file("installed") == "web 1.2"
    assert host.kit("commit") == (0, "the update stays")


@pytest.mark.parametrize(
    ("unit", "why"),
    [
        ("web.service failed failed enabled 0", "web.service is failed"),
        ("web.service inactive dead enabled 0", "web.service does not run any more"),
        ("web.service activating auto-restart enabled 3", "web.service restarts again and again"),
    ],
)
def test_a_unit_that_is_worse_off_takes_the_update_back(host: Host, unit: str, why: str) -> None:
    host.say("then", f"{unit}\n")

    assert updated(host) == (2, f"{why}; taken back: all versions and units are as before")

    assert host.file("installed") == "web 1.0"
    assert host.file("updates/bad") == "web 1.1"
    assert not host.is_armed()


def test_a_package_manager_that_fails_takes_the_update_back(host: Host) -> None:
    host.say("no-apply")

    assert updated(host) == (2, "dpkg said no; taken back: all versions and units are as before")


def test_a_unit_that_was_failed_before_is_nothing_worse(host: Host) -> None:
    host.say("units", f"{WELL}old.service failed failed enabled 0\n")

    assert updated(host) == (0, "updated; the undo is armed")


def test_a_database_that_is_not_clean_afterwards_is_told(host: Host) -> None:
    host.say("audit", "web is half configured\n")

    code, said = updated(host)

    assert code == 1
    assert said == "web is half configured; and it could not be taken back wholly: web is half configured"
    assert host.is_armed()


def test_the_timer_takes_an_update_back_that_nobody_committed(host: Host) -> None:
    updated(host, "1")
    host.say("updates/run-1/due", f"{_boot_id()} 0\n")

    assert host.kit("timer")[0] == 0

    assert host.file("installed") == "web 1.0"
    assert host.file("updates/undone") == "run-1"
    assert host.file("updates/bad") == "web 1.1"
    assert not host.is_armed()
    assert host.kit("commit") == (1, "came back on the old version: the host took the update back by itself")


def test_the_timer_waits_where_an_update_has_put_it_off(host: Host) -> None:
    updated(host)

    assert host.kit("timer")[0] == 0

    assert host.file("installed") == "web 1.1"
    assert host.is_armed()


def test_the_timer_of_a_boot_after_the_update_does_not_wait_again(host: Host) -> None:
    updated(host)
    host.say("updates/run-1/due", "another-boot 99999999\n")

    host.kit("timer")

    assert host.file("installed") == "web 1.0"


def test_a_login_from_before_the_update_commits_nothing(host: Host) -> None:
    updated(host)
    text = host.file("updates/run-1/kit.sh").replace(
        "\nlogin() {", "\nlogin() { echo same; return; }\nno_login() {"
    )
    host.say("updates/run-1/kit.sh", f"{text}\n")
    host.say("updates/run-1/login", "same\n")

    assert host.kit("commit") == (
        1,
        "this login is older than the update: it does not prove that the host can still be reached",
    )
    assert host.is_armed()


def test_an_update_of_another_run_is_not_touched(host: Host) -> None:
    updated(host)
    host.offer("run-2")

    assert host.kit("stage", run="run-2") == (
        1,
        "the update of run run-1 still waits to be committed or undone here: clusterctl resume run-1, or abort it",
    )


def test_what_cannot_be_staged_is_not_applied(host: Host) -> None:
    host.say("no-stage")

    assert host.kit("stage") == (1, "no room; nothing was changed")
    assert host.kit("apply") == (1, "the update is not staged; nothing was changed")
    assert host.file("installed") == "web 1.0"


def test_undoing_by_hand_may_be_repeated(host: Host) -> None:
    updated(host)

    assert host.kit("undo") == (0, "back on the old versions")
    assert host.kit("undo") == (3, "undone already")
    assert host.file("installed") == "web 1.0"


def test_committing_a_version_that_was_bad_forgives_it(host: Host) -> None:
    host.say("updates/bad", "other 3\nweb 1.1\n")
    updated(host)

    host.kit("commit")

    assert host.file("updates/bad") == "other 3"


def test_of_older_runs_one_is_kept(host: Host) -> None:
    for run in ("run-0", "run-00", "run-000"):
        (host.root / "updates" / run).mkdir()

    host.kit("stage")

    assert sorted(path.name for path in (host.root / "updates").iterdir() if path.is_dir()) == [
        "run-000",
        "run-1",
    ]


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text("utf-8").strip()
