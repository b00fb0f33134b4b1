"""Values as JSON documents (docs/json.md). Additive only: a field once published stays."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from clusterctl.cli.long_text import text_of
from clusterctl.model.host import Host
from clusterctl.model.plan import Batch, Limits, Plan
from clusterctl.model.report import CommandResult, Event, Report, StepResult
from clusterctl.model.snapshot import LATEST_S, HostFacts, Snapshot, Unreachable
from clusterctl.model.step import Step
from clusterctl.planning.markers import parse_marker
from clusterctl.planning.observed import Observed


def timestamp(epoch_s: int | None) -> str | None:
    """Return RFC 3339 in UTC, or None; what is after the year 9999 is shown as its end."""
    if epoch_s is None:
        return None
    known_s = min(max(epoch_s, 0), LATEST_S)  # a host, or a file on it, may name any number
    return datetime.fromtimestamp(known_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(epoch_s: float) -> str:
    """Return RFC 3339 in UTC with milliseconds."""
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def instance_document(unit: Observed) -> dict[str, Any]:
    """Return one instance of `ps`."""
    header = unit.header
    return {
        "name": unit.instance.name,
        "project": header.project,
        "service": header.service,
        "slot": header.slot,
        "host": unit.host,
        "state": unit.state,
        "health": unit.health,
        "check": unit.container.check if unit.container else "",
        "image": header.image,
        "digest": header.pinned.partition("@")[2],
        "generation": header.generation,
        "since": timestamp(unit.fact.since_s),
        "restarts": unit.fact.restarts,
        "drift": drift_of(unit),
        "ports": list(header.host_ports),
    }


def drift_of(unit: Observed) -> list[str]:
    """Return in words what differs from how the unit was left."""
    words = [] if unit.intact else ["edited"]
    words += [f"drop-in {path}" for path in unit.fact.drop_ins]
    return words + ([] if unit.runs_its_unit else ["runs an older unit"])


def unreachable_document(answer: Unreachable) -> dict[str, Any]:
    """Return a host that did not answer."""
    return {
        "host": answer.host,
        "rung": answer.rung,
        "reason": answer.reason,
        "via": answer.via,
        "next": answer.advice,
    }


def host_document(host: Host, answer: HostFacts | Unreachable) -> dict[str, Any]:
    """Return one host of `hosts` and `facts`; unknown facts are null."""
    base: dict[str, Any] = {
        "host": host.name,
        "address": host.address,
        "port": host.port,
        "labels": dict(host.labels),
        "reachable": isinstance(answer, HostFacts),
    }
    if isinstance(answer, Unreachable):
        return {**base, "rung": answer.rung, "reason": answer.reason, "next": answer.advice, "boot_id": None}
    return {
        **base,
        "boot_id": answer.boot_id,
        "machine_id": answer.machine_id,
        "os": answer.os,
        "kernel": answer.kernel,
        "architecture": answer.architecture,
        "systemd": {"version": answer.systemd_version, "state": answer.systemd_state},
        "docker": {"version": answer.docker_version or None, "error": answer.docker_error or None},
        "cpus": answer.cpus,
        "load_1m": answer.load_1m,
        "memory_bytes": answer.memory_bytes,
        "memory_available_bytes": answer.memory_available_bytes,
        "disk_total_bytes": answer.disk_total_bytes,
        "disk_free_bytes": answer.disk_free_bytes,
        "uptime_s": answer.uptime_s,
        "clock": timestamp(answer.clock_s),
        "cluster": answer.cluster or None,
        "markers": {name: str(parse_marker(text)) for name, text in answer.markers.items()},
        "failed_units": list(answer.failed_units),
        "units": [unit.name for unit in answer.units],
        "containers": _names(answer),
        "volumes": None if answer.volumes is None else list(answer.volumes),
        "ports": sorted({f"{use.port}/{use.protocol}" for use in answer.ports}),
    }


def _names(answer: HostFacts) -> list[dict[str, str]] | None:
    if answer.containers is None:
        return None
    return [
        {"name": c.name, "image": c.image, "state": c.state, "health": c.health} for c in answer.containers
    ]


def snapshot_unreachable(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Return the hosts of a look that did not answer."""
    return [unreachable_document(answer) for answer in snapshot.unreachable]


def plan_document(plan: Plan) -> dict[str, Any]:
    """Return a plan; no environment value and no text of a unit is in it (I9)."""
    return {
        "verb": plan.verb,
        "subject": plan.subject,
        "generation": plan.generation,
        "empty": plan.is_empty,
        "unchanged": plan.unchanged,
        "changes": [
            {
                "kind": change.kind,
                "instance": change.instance.name,
                "host": change.host,
                "reason": change.reason,
                "fields": [{"field": f.field, "old": f.old, "new": f.new} for f in change.fields],
            }
            for change in plan.changes
        ],
        "host_changes": [{"kind": c.kind, "host": c.host, "reason": c.reason} for c in plan.host_changes],
        "limits": plan.limits and limits_document(plan.limits),
        "goes_back_to": plan.goes_back_to or None,
        "batches": [batch_document(batch) for batch in plan.batches],
        "unplaced": [
            {
                "instance": item.instance.name,
                "needs": item.needs,
                "refusals": [{"host": r.host, "reason": r.reason} for r in item.refusals],
            }
            for item in plan.unplaced
        ],
        "blocked": [{"kind": b.kind, "host": b.host, "reason": b.reason} for b in plan.blocked],
        "privileges": list(plan.privileges),
        "notes": list(plan.notes),
    }


def limits_document(limits: Limits) -> dict[str, Any]:
    """Return what must hold whenever hosts are taken out."""
    return {
        "fleet": limits.fleet,
        "per_domain": None if limits.per_domain is None else str(limits.per_domain),
        "floors": [{"name": floor.name, "least": floor.least} for floor in limits.floors],
        "windows": [str(window) for window in limits.windows],
    }


def batch_document(batch: Batch) -> dict[str, Any]:
    """Return a batch; of its steps what, where and why."""
    return {
        "title": batch.title,
        "hosts": list(batch.hosts),
        "steps": len(batch.steps),
        "opens": list(batch.opens),
        "pause_s": batch.pause_s,
        "step_list": [
            {
                "step": type(step).__name__,
                "host": step.host,
                "instance": _instance(step),
                "reason": step.reason,
            }
            for step in batch.steps
        ],
    }


def _instance(step: Step) -> str | None:
    return str(getattr(step, "instance", "")) or None


def report_document(
    report: Report, *, duration_s: float | None = None, hosts_s: Mapping[str, float] | None = None
) -> dict[str, Any]:
    """Return how a plan was carried out; `hosts_s` are the seconds each host was at work."""
    return {
        "ok": report.ok,
        "stopped": report.stopped or None,
        "batches_done": report.batches_done,
        "run": report.run or None,
        "duration_s": None if duration_s is None else round(duration_s, 3),
        "hosts_s": {name: round(seconds, 3) for name, seconds in (hosts_s or {}).items()},
        "plan": plan_document(report.plan),
        "results": [_result_document(result) for result in report.results],
        "rolled_back": report.rolled_back and report_document(report.rolled_back),
    }


def _result_document(result: StepResult) -> dict[str, Any]:
    return {
        "host": result.step.host,
        "step": type(result.step).__name__,
        "instance": _instance(result.step),
        "status": result.status,
        "detail": result.detail,
        "log": list(result.log),
        "restored": result.restored,
    }


def event_document(event: Event, now_s: float) -> dict[str, Any]:
    """Return one event of a run (`-o jsonl`); the plan itself is a document of its own."""
    return {
        "time": moment(now_s),
        "event": event.kind,
        "text": event.text,
        "host": event.host or None,
        "failed": event.failed,
        "number": event.number,
        "of": event.of,
        "hosts": list(event.hosts),
        "until": moment(event.until_s) if event.until_s else None,
        "batch": event.batch.title if event.batch else None,
        "results": [_result_document(result) for result in event.results],
    }


def command_document(result: CommandResult) -> dict[str, Any]:
    """Return what a command on one host left; bytes that are no UTF-8 are shown escaped."""
    return {
        "host": result.host,
        "exit_code": result.exit_code,
        "stdout": text_of(result.stdout),
        "stderr": text_of(result.stderr),
        "truncated": result.truncated,
    }
