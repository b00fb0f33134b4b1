"""A fleet whose hosts mean harm: whatever text they may choose tries to command the terminal of who reads it."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, Literal

from clusterctl.cli.wiring import Workspace
from clusterctl.model.health import Opinion
from clusterctl.model.host import Host
from clusterctl.model.intent import CordonIntent
from clusterctl.model.packages import PackageChange, PackageFacts
from clusterctl.model.plan import Batch
from clusterctl.model.report import CommandResult, Event, StepResult
from clusterctl.model.run import RunRecord, RunSummary
from clusterctl.model.snapshot import ContainerFact, HostFacts, LookRequest, Snapshot, Unreachable
from clusterctl.operations.failures import Failures, note
from clusterctl.operations.fleet import Emit
from clusterctl.planning.runs import render_record
from clusterctl.remote.target import Target
from tests.fake_cluster import FakeCluster

Mode = Literal["words", "everything", "silent", "steps"]
"""What is hostile: free texts of looks, every text of looks, why hosts do not answer, what steps say."""
EVIL = (
    "EVIL\x1b[2J\x1b]0;title\x07\x1b]52;c;Zm9v\x1b\\\x1b]8;;http://evil.test\x1b\\\x9b31m\x9d0;t\x9c\a\b\r"
    "fine\u202efdp.exe\u2066\u2069\u200e\u200b\u2028\u2029\ufeff\x7f\x00\x85\ud800\U000e0041"
    "\nFORGED: all is well\n"
)
RUN = "20270115-080000-apply-0001"
_NONCE = re.compile(r"NONCE='?([0-9a-f]{32})")
_EPOCH = re.compile(r"(?m)^EPOCH='?([0-9]+)")


def poisoned(value: Any) -> Any:
    """Return a value with every text in it, of keys too, made hostile."""
    if isinstance(value, str):
        return value + EVIL
    if isinstance(value, tuple):
        return tuple(map(poisoned, value))
    if isinstance(value, Mapping):
        return {poisoned(key): poisoned(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{each.name: poisoned(getattr(value, each.name)) for each in fields(value)})
    return value


def _words(facts: HostFacts) -> HostFacts:
    """Return facts whose free texts are hostile, and all that a plan needs is as it was."""
    stranger = ContainerFact("0" * 64, EVIL, EVIL, "", EVIL, EVIL, EVIL, {EVIL: EVIL}, ())
    return replace(
        facts,
        os=EVIL,
        kernel=EVIL,
        architecture=EVIL,
        systemd_version=EVIL,
        systemd_state=EVIL,
        docker_version=EVIL,
        units=tuple(replace(unit, sub=EVIL, result=EVIL, drop_ins=(EVIL,)) for unit in facts.units),
        failed_units=(EVIL,),
        containers=(
            *(replace(each, health=EVIL, started_at=EVIL) for each in facts.containers or ()),
            stranger,
        ),
        volumes=(EVIL,),
        networks={EVIL: EVIL},
        history={**facts.history, EVIL: EVIL},
        runs={**facts.runs, EVIL: EVIL, RUN: _run()},
        reboot_reasons=(EVIL,),
        packages=PackageFacts(
            EVIL,
            pending=(PackageChange(EVIL, EVIL, EVIL),),
            held=(EVIL,),
            broken=(EVIL,),
            bad=((EVIL, EVIL),),
            reboot_reasons=(EVIL,),
        ),
    )


def _run() -> str:
    """Return the record of a run that never ended, in the host's words."""
    summary = RunSummary(RUN, EVIL, EVIL, EVIL, EVIL, 1_800_000_000, 1, "stopped", EVIL)
    return render_record(RunRecord(summary, CordonIntent(("h1",), reason=EVIL)))


class HostileConnection:
    """A login to a hostile host: any command prints what harms, or fills in the frame it was asked for."""

    def __init__(self, host: str) -> None:
        self.target = Target(host, "127.0.0.1", 22, "root")

    def run(self, script: str | bytes, _command: str, _deadline_s: float, _cap: int = 0) -> CommandResult:
        text = script if isinstance(script, str) else script.decode()
        nonce = _NONCE.search(text)
        epoch = _EPOCH.search(text)
        said = self._framed(nonce[1], epoch[1] if epoch else "1") if nonce else EVIL + self._line()
        return CommandResult(self.target.host, 1, _bytes(said), _bytes(EVIL))

    def stream(
        self,
        _command: str,
        _stdin: str | bytes,
        on_stdout: Callable[[bytes], object],
        on_stderr: Callable[[bytes], object],
        _stop: threading.Event,
        _deadline_s: float | None = None,
    ) -> int:
        on_stdout(_bytes(EVIL + self._line()))
        on_stderr(_bytes(EVIL))
        return 1

    def _line(self) -> str:
        """Return a line of a journal as journalctl writes JSON."""
        words = {
            "CONTAINER_NAME": EVIL,
            "SYSLOG_IDENTIFIER": "clusterctl",
            "MESSAGE": f"epoch 7, {EVIL}: {EVIL}",
        }
        return json.dumps({"__REALTIME_TIMESTAMP": "1800000000000000", **words}) + "\n"

    def _framed(self, nonce: str, epoch: str) -> str:
        holder = {"run": EVIL, "by": EVIL, "command": EVIL, "since": 1, "epoch": 1}
        sections = {"clock": "1800000000", "epoch": epoch, "holder": json.dumps(holder)}
        middle = "".join(
            f"\n{nonce} section {name}\n{text}\n{nonce} end-section 0\n" for name, text in sections.items()
        )
        return f"\n{nonce} begin\n{middle}\n{nonce} end 0\n"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


class HostileFleet:
    """The cluster in memory, answering with harm."""

    connection: type[HostileConnection] = HostileConnection

    workers = 4

    def __init__(self, cluster: FakeCluster, mode: Mode) -> None:
        self.cluster, self.mode = cluster, mode
        self.inventory = cluster.inventory
        self.failures: Failures = {}

    def of(self, workspace: Workspace) -> HostileFleet:
        """Return itself, as the fleet of a verb."""
        self.failures = workspace.settings.failures
        return self

    def close(self) -> None:
        """End connections: there are none."""

    def ask(
        self, hosts: Sequence[Host], work: Callable[[Any], Any], _deadline_s: float
    ) -> dict[str, Any | Unreachable]:
        silent = self.mode == "silent"
        return self._noted(
            {
                host.name: self._silence(host.name) if silent else work(self.connection(host.name))
                for host in hosts
            }
        )

    def _noted(self, answers: dict[str, Any]) -> dict[str, Any]:
        note(self.failures, answers)
        return answers

    def look(self, hosts: Sequence[Host], request: LookRequest) -> Snapshot:
        found = self.cluster.look(hosts, request).hosts
        return Snapshot(self._noted({name: self._answer(name, answer) for name, answer in found.items()}))

    def _answer(self, name: str, facts: HostFacts | Unreachable) -> HostFacts | Unreachable:
        if self.mode == "silent":
            return self._silence(name)
        if isinstance(facts, Unreachable) or self.mode == "steps":
            return facts
        if self.mode == "words":
            return _words(facts)
        whole: HostFacts = poisoned(facts)
        return replace(whole, host=facts.host, address=facts.address)

    def _silence(self, name: str) -> Unreachable:
        return Unreachable(name, "exec", EVIL, "", EVIL)

    def perform(self, batch: Batch, emit: Emit, epoch: int) -> tuple[StepResult, ...]:
        results = self.cluster.perform(batch, lambda _: None, epoch)
        for host in batch.hosts:
            emit(Event("host-phase", EVIL, host))
            emit(Event("host-end", EVIL, host, failed=True))
        if self.mode != "steps" or batch.title.startswith("record"):
            return results
        return tuple(replace(each, status="failed", detail=EVIL, log=(EVIL,)) for each in results)

    def run(
        self, hosts: Sequence[Host], work: Callable[[Any], CommandResult], _deadline_s: float
    ) -> dict[str, CommandResult | Unreachable]:
        return self.ask(hosts, work, _deadline_s)

    def copy(
        self, hosts: Sequence[Host], _work: object, _deadline_s: float, _on_done: object
    ) -> dict[str, Unreachable]:
        return self._noted({host.name: self._silence(host.name) for host in hosts})

    def scan(self, hosts: Sequence[Host]) -> dict[str, Unreachable]:
        return self._noted({host.name: self._silence(host.name) for host in hosts})

    def ask_peers(
        self, asked: Mapping[str, Sequence[str]], services: Mapping[str, Sequence[int]]
    ) -> tuple[Opinion, ...]:
        return self.cluster.ask_peers(asked, services)
