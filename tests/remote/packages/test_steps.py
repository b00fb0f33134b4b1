"""Steps of OS updates as calls in a host's script."""

from __future__ import annotations

import subprocess

import pytest

from clusterctl.errors import InputError
from clusterctl.model.packages import PackageChange
from clusterctl.model.update_step import ApplyUpdates, ArmUndo, CommitUpdates, StageUpdates, UndoUpdates
from clusterctl.remote.packages import CALLS, DRIVERS

END = "0END-x"
CHANGES = (PackageChange("curl", "1:7.88-1", "1:7.88-2"), PackageChange("gone", "1.0", ""))


def test_staging_sends_the_changes_and_the_kit_that_can_undo_them() -> None:
    step = StageUpdates("h1", "apt", "run-1", (*CHANGES, PackageChange("extra", "", "2.0")), "x")

    text = CALLS[StageUpdates].render(0, step, END)

    head = f"update_file run-1 changes <<'{END}'\ncurl 1:7.88-1 1:7.88-2\ngone 1.0 -\nextra - 2.0\n{END}\n"
    assert text.startswith(f"{head}update_file run-1 kit <<'{END}'\n")
    assert text.endswith(f'main "$@"\n{END}\nupdate 0 stage run-1 1800')


def test_applying_names_the_units_that_were_failed_before() -> None:
    step = ApplyUpdates("h1", "apt", "run-1", CHANGES, ("old.service", "no unit;"), 600, "x")

    text = CALLS[ApplyUpdates].render(2, step, END)

    assert text == f"update_file run-1 known <<'{END}'\nold.service\n{END}\nupdate 2 apply run-1 1500"
    assert CALLS[ApplyUpdates].duration(step) == 1500


def test_arming_committing_and_undoing_are_one_line_each() -> None:
    arm = CALLS[ArmUndo].render(0, ArmUndo("h1", "apt", "run-1", 900, "x"), END)
    commit = CALLS[CommitUpdates].render(1, CommitUpdates("h1", "apt", "run-1", "x"), END)
    undo = CALLS[UndoUpdates].render(2, UndoUpdates("h1", "apt", "run-1", 300, "x"), END)

    assert [arm, commit, undo] == [
        "update 0 arm run-1 120 900",
        "update 1 commit run-1 120",
        "update 2 undo run-1 300",
    ]


@pytest.mark.parametrize("name", ["a b", "$(reboot)", "-o", "a\nb", ""])
def test_a_name_that_means_something_to_a_shell_is_refused(name: str) -> None:
    step = StageUpdates("h1", "apt", "run-1", (PackageChange(name, "1", "2"),), "x")

    with pytest.raises(ValueError, match="not fit for a script"):
        CALLS[StageUpdates].render(0, step, END)


@pytest.mark.parametrize("run", ["../x", "a/b", "", "a b"])
def test_a_run_that_is_no_plain_name_is_refused(run: str) -> None:
    with pytest.raises(ValueError, match="not fit for a script"):
        CALLS[CommitUpdates].render(0, CommitUpdates("h1", "apt", run, "x"), END)


def test_a_driver_that_nobody_knows_is_refused() -> None:
    step = StageUpdates("h1", "pacman", "run-1", CHANGES, "x")

    with pytest.raises(InputError, match="no package manager is called 'pacman'"):
        CALLS[StageUpdates].render(0, step, END)


@pytest.mark.parametrize("driver", sorted(DRIVERS))
def test_the_kit_of_every_driver_is_one_sound_script(driver: str) -> None:
    text = CALLS[StageUpdates].render(0, StageUpdates("h1", driver, "run-1", CHANGES, "x"), END)
    kit = text.partition(f"update_file run-1 kit <<'{END}'\n")[2].partition(f"\n{END}\n")[0]

    checked = subprocess.run(["sh", "-n"], input=kit.encode(), capture_output=True, check=False)

    assert (checked.returncode, checked.stderr) == (0, b"")
    for function in ("stage", "ready", "before", "apply", "list", "audit", "undo", "units", "kernel"):
        assert f"\ndrv_{function}()" in kit
