"""The columns that `-o wide` adds to tables of hosts, instances and runs."""

from __future__ import annotations

from clusterctl.model.run import RunSummary
from clusterctl.model.snapshot import HostFacts, Unreachable
from clusterctl.planning.observed import Observed

WIDE_HOST = ("CPUS", "MEMORY", "DISK", "UP", "KERNEL", "ARCHITECTURE", "SYSTEMD", "MARKERS", "MACHINE ID")
WIDE_INSTANCE = ("SERVICE", "GENERATION", "RESTARTS", "PORTS", "DIGEST")
WIDE_RUN = ("EPOCH", "BATCHES", "COMMAND")


def wide_host(answer: HostFacts | Unreachable) -> tuple[str, ...]:
    """Return the further cells of a host; empty for one that did not answer."""
    if isinstance(answer, Unreachable):
        return ("",) * len(WIDE_HOST)
    return (
        str(answer.cpus),
        f"{answer.memory_bytes / 1024**3:.1f} GiB",
        f"{answer.disk_total_bytes / 1024**3:.1f} GiB",
        f"{answer.uptime_s // 86_400}d",
        answer.kernel,
        answer.architecture,
        str(answer.systemd_version),
        ",".join(answer.markers),
        answer.machine_id,
    )


def wide_instance(unit: Observed) -> tuple[str, ...]:
    """Return the further cells of an instance."""
    header = unit.header
    return (
        f"{header.project}/{header.service}",
        str(header.generation),
        str(unit.fact.restarts),
        ",".join(map(str, header.host_ports)),
        header.pinned.partition("@")[2],
    )


def wide_run(summary: RunSummary) -> tuple[str, ...]:
    """Return the further cells of a run."""
    return (str(summary.epoch), f"{summary.batches_done}/{summary.batches}", summary.command)
