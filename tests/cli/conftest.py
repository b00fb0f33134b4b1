from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from clusterctl.cli import app, interrupt, wiring
from clusterctl.operations.rights import NoLock
from clusterctl.parsing.inventory.file import parse_inventory
from tests.fake_cluster import FakeCluster

INVENTORY = """\
cluster: test
hosts:
  h[1-3]: {labels: {zone: a}}
"""
PLAYBOOK = """\
name: shop
services:
  web:
    image: registry:5000/web:1
    environment: {TOKEN: s3cret}
    deploy: {replicas: 2}
"""


@dataclass
class Ran:
    """What a command line left: exit code and both streams."""

    code: int
    out: str
    err: str


@dataclass
class Desk:
    """A folder with an inventory and a playbook, a fake cluster behind it, and the command line."""

    folder: Path
    cluster: FakeCluster
    run: Callable[..., Ran]

    def write(self, name: str, text: str) -> str:
        """Write a file of the desk and return its name."""
        (self.folder / name).write_text(text)
        return name


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    """Give a desk: no terminal, and hosts that exist in memory only."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CLUSTERCTL_INVENTORY", raising=False)
    monkeypatch.setenv("CLUSTERCTL_STATE", str(tmp_path / "state"))
    cluster = FakeCluster(
        parse_inventory(INVENTORY, "inventory.yaml"), ["registry:5000/web:1", "registry:5000/web:2"]
    )

    def fleet(workspace: wiring.Workspace) -> FakeCluster:
        cluster.failures = workspace.settings.failures
        return cluster

    monkeypatch.setattr(wiring.Workspace, "fleet", property(fleet))
    monkeypatch.setattr(wiring.Workspace, "lock", property(lambda _: NoLock()))
    monkeypatch.setattr(interrupt.Interrupt, "arm", lambda _: None)
    off_s, clock = cluster.clock_s - time.time(), time.time
    monkeypatch.setattr(time, "time", lambda: clock() + off_s)

    def run(*words: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["clusterctl", *words])
        code = app._run()
        streams = capsys.readouterr()
        return Ran(code, streams.out, streams.err)

    found = Desk(tmp_path, cluster, run)
    found.write("inventory.yaml", INVENTORY)
    found.write("shop.yaml", PLAYBOOK)
    return found


def names(items: list[dict[str, Any]], key: str) -> list[Any]:
    """Return one field of all items."""
    return [item[key] for item in items]
