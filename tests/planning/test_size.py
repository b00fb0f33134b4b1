"""Twice as many hosts and instances are twice the work, not four times: what placing costs, in calls of functions."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from types import FrameType

import pytest

from clusterctl.model.service import Constraint, Project, Service
from clusterctl.planning.placements import Placements
from clusterctl.planning.scheduler import Scheduler
from tests.builders import a_host, a_project, a_service, a_snapshot, an_inventory

Make = Callable[[int], Project]


def calls(work: Callable[[], Placements]) -> int:
    """Return how many functions of Python something calls; a generator that goes on is one, too."""
    number = 0

    def count(_frame: FrameType, event: str, _arg: object) -> None:
        nonlocal number
        number += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return number


def placing(hosts: int, project: Project) -> Callable[[], Placements]:
    made = [
        a_host(f"h{n}", zone=f"z{n % 4}", cpus=(8, 16)[n % 2], memory_mb=(65536, 16384)[n % 2])
        for n in range(hosts)
    ]
    scheduler = Scheduler(an_inventory(made), project, a_snapshot(*made), ())
    return lambda: scheduler.run({})


def one_service(hosts: int) -> Project:
    return a_project(a_service(replicas=hosts, cpus=1, memory_mb=1024))


def unlike_services(hosts: int) -> Project:
    """Return services that leave hosts fuller than others, with nothing that could change that much."""
    half = hosts // 2
    return a_project(
        a_service("a", replicas=half, cpus=4, memory_mb=1024),
        a_service("b", replicas=half, cpus=1, memory_mb=9000),
    )


def a_service_for_nobody(hosts: int) -> Project:
    service: Service = a_service(replicas=hosts)
    return a_project(replace(service, constraints=(Constraint("node.labels.disk", "==", "ssd"),)))


@pytest.mark.parametrize("project", [one_service, unlike_services, a_service_for_nobody])
def test_twice_as_many_are_about_twice_the_work(project: Make) -> None:
    few, many = (calls(placing(hosts, project(hosts))) for hosts in (200, 400))

    assert many < 2.4 * few
