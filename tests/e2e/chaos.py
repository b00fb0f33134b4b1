"""Random faults in a lab while one person applies, reboots, drains and rebalances, and cron fails over.

`make chaos` runs it (CLUSTERCTL_MINUTES, 20; CLUSTERCTL_SEED). An observer that shares no code with the tool asks each
dockerd each second. Demanded: what may run only once, and data, never run twice; failover evacuates only hosts that had
really been dead, frozen or cut off for 90 s; and within five minutes of the last fault everything runs once, no lock is
held, no unfinished file lies on a host. It prints how often what happened; exit 1 where a demand was not met.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clusterctl import lab
from tests.e2e.fencing import engine_proxy, install_agents
from tests.e2e.fleet import Answer, LabFleet
from tests.e2e.observer import Observer
from tests.e2e.scene import INSTANCES, fenced_inventory, write_scene

LAB, PROJECT = "chaos", "storm"
MINUTES = float(os.environ.get("CLUSTERCTL_MINUTES", "20"))
SEED = int(os.environ.get("CLUSTERCTL_SEED", str(int(time.time()))))
TICK_S, LEAST_S, RECOVERY_S = 10.0, 90.0, 300.0
UNDO = {
    "kill": "start",
    "pause": "unpause",
    "cut": "heal",
    "cut-operator": "heal-operator",
    "stop-docker": "start-docker",
    "hang-docker": "wake-docker",
    "stop-sshd": "start-sshd",
}
DEADLY = frozenset({"kill", "pause", "cut"})
LESSER = frozenset(UNDO) - DEADLY


@dataclass
class Trouble:
    """A fault of one host, from when to when (monotonic seconds)."""

    host: str
    kind: str
    since_s: float
    until_s: float = float("inf")


@dataclass
class Storm:
    """The lab, what is done to it, and what was seen."""

    fleet: LabFleet
    folder: Path
    inventory: str
    observer: Observer
    stop: threading.Event = field(default_factory=threading.Event)
    troubles: list[Trouble] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def cli(self, *words: str, timeout: float = 900) -> Answer:
        env = {"CLUSTERCTL_STATE": str(self.folder / "state")}
        return self.fleet.cli(*words, inventory=self.inventory, timeout=timeout, **env)

    def guarded(self, work: Callable[[random.Random], None], seed: int) -> None:
        """Repeat work until the end; what it raises is an error of the storm."""
        chance = random.Random(seed)  # noqa: S311 - no secret
        try:
            while not self.stop.is_set():
                work(chance)
        except Exception as error:  # noqa: BLE001 - told at the end
            self.errors.append(f"{getattr(work, '__name__', work)}: {type(error).__name__}: {error}")
            self.stop.set()

    # --- faults ---------------------------------------------------------------------------------

    def hurt(self, chance: random.Random) -> None:
        """Let one host have one trouble for a while, sometimes a second host a lesser one."""
        hosts = chance.sample(self.fleet.hosts, 2)
        deadly = chance.random() < 0.6
        kinds = [chance.choice(sorted(DEADLY if deadly else LESSER))]
        if chance.random() < 0.25:
            kinds.append(chance.choice(sorted(LESSER)))
        lasting = chance.choice((15.0, 150.0) if deadly else (15.0, 45.0))
        begun = [self._begin(host, kind) for host, kind in zip(hosts, kinds, strict=False)]
        self.stop.wait(lasting)
        for trouble in begun:
            self._end(trouble)
        self.stop.wait(chance.uniform(5, 30))

    def _begin(self, host: str, kind: str) -> Trouble:
        self.fleet.fault(kind, host)
        trouble = Trouble(host, kind, time.monotonic())
        self.troubles.append(trouble)
        self.counts[f"fault {kind}"] += 1
        return trouble

    def _end(self, trouble: Trouble) -> None:
        state = lab.host_container(self.fleet.name, trouble.host).status
        if state == "exited":  # fenced, or killed
            self.fleet.fault("heal", trouble.host)
            self.fleet.fault("start", trouble.host)
        else:
            self.fleet.fault(UNDO[trouble.kind], trouble.host)
        trouble.until_s = time.monotonic()

    # --- cron -----------------------------------------------------------------------------------

    def cron(self, _: random.Random) -> None:
        """Run failover, as a timer does, and judge what it did."""
        began = time.monotonic()
        answer = self.cli("failover", "--yes", "--busy-ok", "--period", "30s", "-o", "json")
        self.counts[f"failover exit {answer.code}"] += 1
        for document in documents(answer.stdout):
            if document["kind"] == "Report":
                self._judge(document, began)
        self.stop.wait(max(0.0, TICK_S - (time.monotonic() - began)))

    def _judge(self, report: dict[str, Any], began: float) -> None:
        changes = report["plan"]["changes"]
        sources = {
            c["reason"].removeprefix("from ").partition(":")[0] for c in changes if c["kind"] == "move"
        }
        fenced = {change["host"] for change in report["plan"]["host_changes"] if change["kind"] == "fence"}
        for host in sorted(sources | fenced):
            self.counts["evacuations"] += 1
            dead = [t for t in self.troubles if t.host == host and t.kind in DEADLY and t.until_s > began]
            if not any(began + 15 - trouble.since_s >= LEAST_S for trouble in dead):
                self.wrong.append(f"{host} was evacuated, and had been well: {changes}")
        self.counts["moves"] += sum(change["kind"] == "move" for change in changes)
        self.counts["surplus removed"] += sum(change["kind"] == "remove" for change in changes)
        self.counts["let start"] += sum(change["kind"] == "start" for change in changes)

    # --- a person -------------------------------------------------------------------------------

    def operate(self, chance: random.Random) -> None:
        """Do one thing that a person does; sometimes the tool is killed in the middle of it."""
        host = chance.choice(self.fleet.hosts)
        playbook = str(write_scene(self.folder, PROJECT, chance.choice(("1.0", "1.1"))))
        words = chance.choice(
            (
                ("apply", playbook),
                ("apply", playbook),
                ("reboot", host),
                ("drain", host),
                ("uncordon", "all"),
                ("rebalance", "--min-age", "0s"),
            )
        )
        if chance.random() < 0.15:
            self._kill(words, chance.uniform(1, 15))
        else:
            self._count(words, self.cli(*words, "--yes"))
        if chance.random() < 0.5:
            self._count(("resume",), self.cli("resume", "--yes"))
            self._count(("uncordon",), self.cli("uncordon", "all", "--yes"))
        self.stop.wait(chance.uniform(1, 15))

    def _kill(self, words: tuple[str, ...], after_s: float) -> None:
        state = str(self.folder / "state")
        process = self.fleet.start(*words, "--yes", inventory=self.inventory, CLUSTERCTL_STATE=state)
        try:
            process.communicate(timeout=after_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate(timeout=30)
            self.counts["killed"] += 1

    def _count(self, words: tuple[str, ...], answer: Answer) -> None:
        self.counts[f"{words[0]} exit {answer.code}"] += 1
        if answer.code not in {0, 1, 4, 5} or "defect of clusterctl" in answer.stderr:
            self.wrong.append(f"{' '.join(words)}: exit {answer.code}: {answer.stderr[-600:]}")

    # --- the end --------------------------------------------------------------------------------

    def recover(self) -> float:
        """Take all faults away and go on as cron and a person do; return the seconds until all is well."""
        for trouble in self.troubles:
            if trouble.until_s == float("inf"):
                self._end(trouble)
        self.fleet.heal_all()
        began = time.monotonic()
        while time.monotonic() - began < RECOVERY_S:
            for words in (("abort", "--yes"), ("uncordon", "all", "--yes")):
                self.cli(*words)
            self.cron(random.Random(0))  # noqa: S311 - no secret
            applied = self.cli("apply", str(write_scene(self.folder, PROJECT)), "--yes")
            if applied.code == 0 and self._is_well():
                return time.monotonic() - began
        self.wrong.append(f"not well after {RECOVERY_S:.0f} s: {self.observer.homes()}")
        return time.monotonic() - began

    def _is_well(self) -> bool:
        looks, end = self.observer.looks, time.monotonic() + 20
        while self.observer.looks < looks + 2 and time.monotonic() < end:
            time.sleep(0.2)
        homes = self.observer.homes()
        return len(homes) == INSTANCES and all(len(hosts) == 1 for hosts in homes.values())

    def leftovers(self) -> list[str]:
        """Return locks that are held and files that are half written, on all hosts."""
        held = json.loads(self.cli("lock", "status", "-o", "json").stdout)
        found = ["the lock is held"] if held["held"] else []
        for host in self.fleet.hosts:
            names = self.fleet.inside(
                host, "find", "/etc/systemd/system", "/etc/clusterctl", "-name", "*.clusterctl-tmp"
            )
            found += [f"{host}: {name}" for name in names.split()]
        return found


def documents(text: str) -> list[dict[str, Any]]:
    """Return the JSON documents of a text, one after the other."""
    found, decoder, at = [], json.JSONDecoder(), 0
    while (at := text.find("{", at)) >= 0:
        document, at = decoder.raw_decode(text, at)
        found.append(document)
    return found


def run(folder: Path, fleet: LabFleet, inventory: str) -> int:
    """Let the storm go on for its time; return the exit code."""
    once = (f"{PROJECT}-job-1", f"{PROJECT}-db-1")
    storm = Storm(fleet, folder, inventory, Observer(fleet, f"{PROJECT}-", once))
    fleet.apply(write_scene(folder, PROJECT))
    threads = [
        threading.Thread(target=storm.guarded, args=(work, SEED + number), daemon=True)
        for number, work in enumerate((storm.hurt, storm.cron, storm.operate))
    ]
    with storm.observer:
        for thread in threads:
            thread.start()
        storm.stop.wait(MINUTES * 60)
        storm.stop.set()
        for thread in threads:
            thread.join(timeout=1000)
        took_s = storm.recover()
    storm.wrong += [f"twice: {words}" for words in storm.observer.twice] + storm.leftovers() + storm.errors
    print(f"seed {SEED}, {MINUTES:g} minutes, {storm.observer.looks} looks of the observer")  # noqa: T201
    for what, count in sorted(storm.counts.items()):
        print(f"  {count:5} {what}")  # noqa: T201
    print(f"  all well {took_s:.0f} s after the last fault")  # noqa: T201
    for words in storm.wrong:
        print(f"WRONG {words}")  # noqa: T201
    return 1 if storm.wrong else 0


def main() -> int:
    """Make the lab, let the storm go over it, and take the lab away."""
    install_agents()
    with tempfile.TemporaryDirectory(prefix="clusterctl-chaos-") as name, engine_proxy(Path(name)) as port:
        fleet = LabFleet(LAB, 5)
        try:
            return run(Path(name), fleet, fenced_inventory(fleet, port))
        finally:
            lab.down(LAB)


if __name__ == "__main__":
    sys.exit(main())
