"""Throw-away clusters of real hosts (systemd, sshd, dockerd) for demonstrations and tests.

The verbs are in `cluster`; tests use them as the command line does. Everything else here is a part of one
of them. Nothing here knows the rest of the tool: a lab is a fleet like any other, given as an inventory.
"""

from clusterctl.lab.cluster import (
    DEFAULT_NAME,
    down,
    fault,
    host_container,
    image,
    image_of_hosts,
    names,
    status,
    up,
)
from clusterctl.lab.inside import LostOutputError, run_inside
from clusterctl.lab.layout import HostInfo, LabInfo, describe

__all__ = [
    "DEFAULT_NAME",
    "HostInfo",
    "LabInfo",
    "LostOutputError",
    "describe",
    "down",
    "fault",
    "host_container",
    "image",
    "image_of_hosts",
    "names",
    "run_inside",
    "status",
    "up",
]
