"""`clusterctl rebalance` on the cluster in memory."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Desk

PLAYBOOK = """\
name: shop
services:
  web:
    image: registry:5000/web:1
    deploy: {replicas: 3}
"""


@pytest.fixture
def piled(desk: Desk) -> Desk:
    """All three instances on h1."""
    desk.write("shop.yaml", PLAYBOOK)
    desk.run("apply", "shop.yaml", "--yes")
    for number in (2, 3):
        assert desk.run("move", f"shop-web-{number}", "h1", "--yes").code == 0
    return desk


def on(desk: Desk, host: str) -> list[str]:
    return sorted(desk.cluster.hosts[host].containers)


def test_each_move_says_why_and_a_dry_run_moves_nothing(piled: Desk) -> None:
    answer = piled.run("rebalance", "--min-age", "0s", "--dry-run")

    assert answer.code == 0
    assert "(from h1: h1 has 3 of shop/web, h2 0)" in answer.out
    assert "note: load now: mean 100 %, peak 300 % on h1" in answer.out
    assert len(on(piled, "h1")) == 3


def test_it_moves_and_has_nothing_to_do_after_it(piled: Desk) -> None:
    assert piled.run("rebalance", "--min-age", "0s", "--yes").code == 0
    assert [len(on(piled, host)) for host in ("h1", "h2", "h3")] == [1, 1, 1]

    again = piled.run("rebalance", "--min-age", "0s", "--yes")

    assert (again.code, again.out.splitlines()[-1]) == (0, "all: nothing to change")


def test_what_was_started_just_now_is_left_alone(piled: Desk) -> None:
    moves = json.loads(piled.run("rebalance", "--dry-run", "-o", "json").out)["changes"]

    assert [change for change in moves if change["instance"] != "shop-web-1"] == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--threshold", "3"), "'3' is not a percentage"),
        (("--threshold", "0%"), "--threshold"),
        (("--min-age", "soon"), "--min-age"),
        (("--max-moves", "0"), "--max-moves"),
    ],
)
def test_wrong_options_are_refused(desk: Desk, options: tuple[str, str], words: str) -> None:
    answer = desk.run("rebalance", *options)

    assert answer.code == 2
    assert words in answer.err
