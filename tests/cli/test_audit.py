"""`clusterctl audit`: what would be if a host were lost."""

from __future__ import annotations

import json

from tests.cli.conftest import Desk


def test_each_host_may_go(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")

    answer = desk.run("audit")

    assert answer.code == 0
    assert [line.split() for line in answer.out.splitlines()[1:]] == [
        ["host", "h1", "survived", "1", "0", "0"],
        ["host", "h2", "survived", "1", "0", "0"],
        ["host", "h3", "survived", "0", "0", "0"],
    ]


def test_what_would_have_no_place_is_told_with_exit_1(desk: Desk) -> None:
    playbook = "name: shop\nservices: {web: {image: 'registry:5000/web:1', ports: ['80:80'], deploy: {replicas: 3}}}\n"
    desk.write("shop.yaml", playbook)
    desk.run("apply", "shop.yaml", "--yes")

    answer = desk.run("audit")
    document = json.loads(desk.run("audit", "-o", "json").out)

    assert answer.code == 1
    assert "without host h2:" in answer.out
    assert (
        "  shop-web-2 (needs port 80/tcp) has no place" in answer.out
        or "shop-web-2 (port 80/tcp)" in answer.out
    )
    assert [loss["survived"] for loss in document["losses"]] == [False] * 3
    assert document["losses"][0]["unplaced"][0]["instance"] == "shop-web-1"
