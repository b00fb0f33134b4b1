"""The leave without which a singleton does not start, by the real script: given by each start, taken by each stop."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from clusterctl.model.step import RemoveUnit, Step, StopUnit
from clusterctl.planning.unit_header import file_digest
from tests.remote.test_script_watch import APPLY, IMAGE, OLD, WEB, PlayedHost

PERMIT = "clusterctl-shop-web-1.permit"
STOP = StopUnit("h1", WEB, file_digest(OLD), 40, "it starts elsewhere")


@pytest.fixture
def host(tmp_path: Path) -> PlayedHost:
    host = PlayedHost(tmp_path)
    host.write("units/clusterctl-shop-web-1.service", OLD)
    return host


def permitted(host: PlayedHost) -> bool:
    return (host.root / PERMIT).exists()


@pytest.mark.parametrize("action", ["replace", "restart", "start", "enable"])
def test_each_start_gives_leave_before_systemd_is_asked(host: PlayedHost, action: str) -> None:
    text = APPLY.unit_text if action == "replace" else OLD + "[X-Clusterctl]\nPinned=" + IMAGE + "\n"
    host.write("units/clusterctl-shop-web-1.service", OLD if action == "replace" else text)
    step = replace(
        APPLY,
        unit_text=text,
        unit_digest=file_digest(text),
        replaces=file_digest(OLD if action == "replace" else text),
        action=action,  # type: ignore[arg-type]
        monitor_s=0,
    )

    assert host.run(step)[0].status == "changed"

    assert permitted(host)


def test_a_stop_takes_it_and_leaves_the_unit(host: PlayedHost) -> None:
    host.write(PERMIT, "")

    result = host.run(STOP)[0]

    assert (result.status, permitted(host)) == ("changed", False)
    assert host.read("calls") == "stop clusterctl-shop-web-1.service\n"
    assert host.read("units/clusterctl-shop-web-1.service") == OLD


def test_a_unit_that_is_another_one_by_now_is_not_stopped(host: PlayedHost) -> None:
    host.write(PERMIT, "")
    host.write("units/clusterctl-shop-web-1.service", OLD + "# by hand\n")

    result = host.run(STOP)[0]

    assert result.detail == "clusterctl-shop-web-1.service has changed since the plan was made"
    assert permitted(host)


def test_a_stop_that_fails_is_told(host: PlayedHost) -> None:
    host.program("systemctl", '[ "$1" = show ] || { echo no >&2; exit 1; }')

    assert host.run(STOP)[0].detail == "systemctl stop clusterctl-shop-web-1.service: no"


@pytest.mark.parametrize("step", [STOP, RemoveUnit("h1", WEB, file_digest(OLD), 40, "gone")])
def test_where_systemd_does_not_answer_nothing_is_stopped(host: PlayedHost, step: Step) -> None:
    host.write(PERMIT, "")
    host.program("systemctl", "exit 1")

    result = host.run(step)[0]

    assert result.detail == "systemd does not answer within 10 s; shop-web-1 was not touched"
    assert permitted(host)
    assert host.read("units/clusterctl-shop-web-1.service") == OLD


def test_a_removal_takes_it_too(host: PlayedHost) -> None:
    host.write(PERMIT, "")

    host.run(RemoveUnit("h1", WEB, file_digest(OLD), 40, "gone"))

    assert not permitted(host)
