"""Health as metrics in a file that node_exporter's textfile collector reads.

The format is Prometheus's text exposition; names follow its conventions (base units, one HELP each).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from clusterctl.errors import JournalError
from clusterctl.model.health import FleetHealth, Verdict
from clusterctl.planning.status import ServiceStatus


def write_metrics(path: str, cluster: str, found: FleetHealth, services: Sequence[ServiceStatus]) -> None:
    """Replace the file as a whole. Raises JournalError where it cannot be written."""
    registry = CollectorRegistry()
    verdict = Gauge(
        "clusterctl_host_verdict",
        "1 for the verdict on a host, 0 for the others.",
        ["cluster", "host", "verdict"],
        registry=registry,
    )
    for host in found.hosts:
        for word in get_args(Verdict):
            verdict.labels(cluster, host.host, word).set(word == host.verdict)
    reached = Gauge(
        "clusterctl_hosts_reached", "Hosts that let the operator in.", ["cluster"], registry=registry
    )
    reached.labels(cluster).set(found.reached)
    known = Gauge("clusterctl_hosts", "Hosts of the inventory.", ["cluster"], registry=registry)
    known.labels(cluster).set(len(found.hosts))
    labels = ["cluster", "project", "service"]
    wanted = Gauge("clusterctl_service_wanted", "Instances that a manifest wants.", labels, registry=registry)
    healthy = Gauge("clusterctl_service_healthy", "Instances that are well.", labels, registry=registry)
    for service in services:
        if service.wanted is not None:
            wanted.labels(cluster, service.project, service.service).set(service.wanted)
        healthy.labels(cluster, service.project, service.service).set(service.healthy)
    at_s = Gauge("clusterctl_health_timestamp_seconds", "When it was looked.", ["cluster"], registry=registry)
    at_s.labels(cluster).set(time.time())
    try:
        write_to_textfile(path, registry)
    except OSError as error:
        raise JournalError(
            f"cannot write the metrics to {Path(path)}: {error.strerror or error}",
            next_step="make room or mend the rights there, or give --textfile another file.",
        ) from None
