"""No verb shows a secret, or leaves one on this machine (I9): values of the environment, and what looks like them."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest

from clusterctl.cli import wiring
from tests.cli.conftest import PLAYBOOK, Desk
from tests.cli.hostile_fleet import HostileFleet
from tests.cli.test_hostile_hosts import LINES, STEPS

SECRET = "hunter2-5f4dcc3b"
OTHER = "hunter3-6cb75f65"


def files_with(secret: str, folder: Path) -> list[str]:
    """Return the files below a folder that hold a secret."""
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and secret.encode() in path.read_bytes()
    )


def test_no_verb_shows_a_secret_or_keeps_one_here(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.write("shop.yaml", PLAYBOOK.replace("s3cret", SECRET))
    desk.write("shop2.yaml", PLAYBOOK.replace("s3cret", OTHER).replace("web:1", "web:2"))
    desk.write("steps.yaml", STEPS)
    desk.run("apply", "shop.yaml", "--yes")
    assert any(SECRET in text for host in desk.cluster.hosts.values() for text in host.manifests.values())

    for line in LINES:
        for mode, form in (("words", "table"), ("words", "json"), ("steps", "table"), ("steps", "jsonl")):
            fleet = HostileFleet(deepcopy(desk.cluster), mode)  # type: ignore[arg-type]  # of Mode
            monkeypatch.setattr(wiring.Workspace, "fleet", property(fleet.of))
            ran = desk.run(*line.split(), "-o", form, "-v")

            assert SECRET not in ran.out + ran.err, (line, mode, form)
            assert OTHER not in ran.out + ran.err, (line, mode, form)
    assert (files_with(SECRET, desk.folder), files_with(OTHER, desk.folder)) == (
        ["shop.yaml"],
        ["shop2.yaml"],
    )


def test_a_plan_file_may_hold_them_and_is_for_its_owner_only(desk: Desk) -> None:
    desk.write("shop.yaml", PLAYBOOK.replace("s3cret", SECRET))

    ran = desk.run("plan", "shop.yaml", "--out", "shop.plan")

    assert ran.code == 0
    assert SECRET not in ran.out + ran.err
    assert (desk.folder / "shop.plan").stat().st_mode & 0o077 == 0
