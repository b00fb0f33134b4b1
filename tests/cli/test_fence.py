"""`clusterctl fence` with agents that are programs in the PATH: what it shows, refuses, and writes down."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import Desk

GOOD = """case $action in off) echo off >"$0.state" ;; on) rm -f "$0.state" ;; status)
[ -e "$0.state" ] && { echo "Status: OFF"; exit 2; }; echo "Status: ON" ;; esac"""
LIAR = 'case $action in status) echo "Status: ON" ;; *) echo "Success: Powered OFF" ;; esac'
DEAD = "echo 'Connection timed out' >&2; exit 1"


@pytest.fixture
def bench(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Give a desk where h1 has a good device, h2 a liar, and h3 none."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    for name, body in (("fence_good", GOOD), ("fence_liar", LIAR), ("fence_dead", DEAD)):
        agent = tmp_path / name
        agent.write_text(f'#!/bin/sh\nwhile IFS= read -r line; do export "$line"; done\n{body}\n')
        agent.chmod(0o755)
    hosts = """\
cluster: test
hosts:
  h1: {fence: [{agent: fence_good, timeout: 5s}]}
  h2: {fence: [{agent: fence_liar, timeout: 5s}]}
  h3: {}
"""
    desk.write("inventory.yaml", hosts)
    return desk


def audit(desk: Desk) -> list[dict[str, str]]:
    (path,) = (desk.folder / "state").rglob("audit*")
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_status_shows_each_device_and_who_has_none(bench: Desk) -> None:
    ran = bench.run("fence", "status")
    document = json.loads(bench.run("fence", "status", "-o", "json").out)

    assert ran.code == 0
    assert [line.split()[:3] for line in ran.out.splitlines()[1:]] == [
        ["h1", "fence_good", "on"],
        ["h2", "fence_liar", "on"],
    ]
    assert "without a device: h3" in ran.err
    assert (document["without"], document["devices"][0]["power"]) == (["h3"], "on")


def test_off_and_on_are_proven_and_written_down(bench: Desk) -> None:
    off = bench.run("fence", "off", "h1", "--yes")
    shown = bench.run("fence", "status", "h1")
    on = bench.run("fence", "on", "h1", "--yes")

    assert (off.code, off.out) == (0, "h1: fence_good: off, and its status says so\n")
    assert shown.out.splitlines()[1].split()[2] == "off"
    assert (on.code, on.out) == (0, "h1: fence_good: done\n")
    assert [(line["step"], line["result"]) for line in audit(bench)] == [
        ("fence off", "begun"),
        ("fence off", "changed"),
        ("fence on", "begun"),
        ("fence on", "changed"),
    ]


def test_a_device_that_lies_is_a_failure(bench: Desk) -> None:
    ran = bench.run("fence", "off", "h2", "--yes")

    assert ran.code == 1
    assert [line["result"] for line in audit(bench)] == ["begun", "failed"]


def test_a_device_that_does_not_say_is_unknown_with_exit_1(bench: Desk) -> None:
    path = bench.folder / "inventory.yaml"
    bench.write("inventory.yaml", path.read_text().replace("fence_liar", "fence_dead"))

    ran = bench.run("fence", "status")

    assert ran.code == 1
    assert ran.out.splitlines()[2].split()[:3] == ["h2", "fence_dead", "unknown"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("off", "h3", "--yes"), 4, "h3 has no fence device"),
        (("off", "h9", "--yes"), 2, "h9 is not in the inventory"),
        (("off", "h1", "--yes", "--dry-run"), 2, "has no --dry-run"),
        (("off", "h1"), 2, "needs --yes"),
    ],
)
def test_what_is_refused_leaves_the_power_on(
    bench: Desk, words: tuple[str, ...], code: int, said: str
) -> None:
    ran = bench.run("fence", *words)

    assert (ran.code, said in ran.err) == (code, True)
    assert not (bench.folder / "fence_good.state").exists()
