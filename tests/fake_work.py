"""One script on one host in memory: what the scripts of `remote/shell` do, in the same order."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from clusterctl.model.report import StepResult
from clusterctl.model.step import (
    ApplyUnit,
    ClearMarker,
    CopyFile,
    PullImage,
    Reboot,
    RecordRun,
    RemoveManifest,
    RemoveUnit,
    RunCommand,
    SetMarker,
    Step,
    StopUnit,
    Verify,
    WriteManifest,
)
from clusterctl.remote.calls import call_of
from tests import fake_steps
from tests.fake_host import (
    Container,
    argv_of,
    container_name,
    container_of,
    label_of,
    sha,
)

if TYPE_CHECKING:
    from tests.fake_cluster import FakeCluster


class HostWork:
    """One script on one host: what stands in `payload`, and units together before what must come after them."""

    def __init__(self, cluster: FakeCluster, name: str) -> None:
        self._cluster = cluster
        self._fake = cluster.hosts[name]

    def run(self, steps: Mapping[int, Step], epoch: int) -> dict[int, StepResult]:
        fake, cluster = self._fake, self._cluster.inventory.cluster
        if fake.unreachable:
            gone = fake.unreachable
            return {n: StepResult(s, "failed", gone.reason, unreachable=gone) for n, s in steps.items()}
        if fake.locked_by:
            return {
                n: StepResult(s, "failed", f"locked: {fake.locked_by}", locked=True) for n, s in steps.items()
            }
        if fake.cluster not in {"", cluster}:
            reason = f"refused by the host: this host belongs to cluster {fake.cluster}, not {cluster}"
            return {n: StepResult(s, "failed", reason) for n, s in steps.items()}
        if epoch and epoch < fake.epoch:
            reason = f"refused by the host: stale operator: epoch {epoch}, and {fake.epoch} was seen here"
            return {n: StepResult(s, "failed", reason) for n, s in steps.items()}
        fake.epoch = max(fake.epoch, epoch)
        fake.cluster = cluster
        results: dict[int, StepResult] = {}
        staged: dict[int, ApplyUnit] = {}
        for number, step in steps.items():
            if isinstance(step, ApplyUnit):
                staged[number] = step
                continue
            if call_of(step).ordered:
                results |= self._units(staged)
                staged = {}
                if any(result.status == "failed" for result in results.values()):
                    results[number] = StepResult(step, "skipped", fake_steps.SKIPPED)
                    continue
            results[number] = self._at_once(step)
        return results | self._units(staged)

    def _at_once(self, step: Step) -> StepResult:  # noqa: C901, PLR0911, PLR0912 - a table
        match step:
            case PullImage():
                return self._pull(step)
            case RemoveUnit():
                return self._drop(step)
            case StopUnit():
                return self._halt(step)
            case WriteManifest() | RemoveManifest():
                return self._manifest(step)
            case SetMarker():
                text = f"by={step.by}\nrun={step.run}\nreason={step.reason}\nsince=1800000000\n"
                return self._put(step, self._fake.markers, step.marker, text, keep=True)
            case ClearMarker():
                return self._clear(step)
            case RunCommand():
                return self._cluster.command(step)
            case Verify():
                return fake_steps.verify(self._fake, step)
            case Reboot():
                return fake_steps.reboot(self._cluster, self._fake, step)
            case CopyFile():
                return fake_steps.copy(self._cluster, self._fake, step)
            case RecordRun():
                done = self._put(step, self._fake.runs, step.run, step.text)
                verb = step.run.split("-", 2)[-1].rpartition("-")[0]
                mine = [old for old in self._fake.runs if f"-{verb}-" in old]
                for old in sorted(mine, reverse=True)[20:]:
                    if old != step.run:
                        del self._fake.runs[old]
                return done
            case _:
                raise TypeError(step)

    def _pull(self, step: PullImage) -> StepResult:
        if not self._fake.docker:
            return StepResult(
                step, "failed", f"docker pull {step.image}: Cannot connect to the Docker daemon"
            )
        if step.image in self._fake.images:
            return StepResult(step, "unchanged")
        known = any(step.image.endswith(f"@{digest}") for digest in self._cluster.registry.values())
        if not self._cluster.registry_answers or not known or step.image in self._cluster.failing_pulls:
            return StepResult(step, "failed", f"docker pull {step.image}: not found")
        self._cluster.effect()
        self._fake.images.add(step.image)
        return StepResult(step, "changed")

    def _manifest(self, step: WriteManifest | RemoveManifest) -> StepResult:
        """Write the manifest and keep it among the three newest generations, or forget all of them."""
        fake, kept = self._fake, f"{step.project}@"
        text = step.text if isinstance(step, WriteManifest) else ""
        if fake.manifests.get(step.project, "") == text:
            return StepResult(step, "unchanged")
        self._cluster.effect()
        if isinstance(step, RemoveManifest):
            fake.history = {key: old for key, old in fake.history.items() if not key.startswith(kept)}
            fake.manifests.pop(step.project)
            return StepResult(step, "changed")
        fake.manifests[step.project] = text
        self._cluster.effect()
        fake.history[f"{kept}{step.generation}"] = text
        mine = (int(key.rpartition("@")[2]) for key in fake.history if key.startswith(kept))
        for generation in sorted(mine, reverse=True)[3:]:
            del fake.history[f"{kept}{generation}"]
        return StepResult(step, "changed")

    def _put(
        self, step: Step, files: dict[str, str], name: str, text: str, *, keep: bool = False
    ) -> StepResult:
        if files.get(name) == text or (keep and name in files):
            return StepResult(step, "unchanged")
        self._cluster.effect()
        files[name] = text
        return StepResult(step, "changed")

    def _clear(self, step: ClearMarker) -> StepResult:
        present = self._fake.markers.get(step.marker)
        if present is None or (step.run and f"\nrun={step.run}\n" not in present):
            return StepResult(step, "unchanged")
        self._cluster.effect()
        del self._fake.markers[step.marker]
        return StepResult(step, "changed")

    def _drop(self, step: RemoveUnit) -> StepResult:
        fake, unit = self._fake, step.instance.unit
        if unit not in fake.files:
            return StepResult(step, "unchanged")
        if sha(fake.files[unit]) != step.replaces:
            return StepResult(step, "failed", f"{unit} has changed since the plan was made")
        self._cluster.effect()
        fake.enabled.discard(unit)
        self._stop(unit)
        self._sweep_networks(unit)
        for path in sorted(self._fake.unit_files):
            if path.startswith(f"/etc/clusterctl/files/{step.instance.name}/"):
                del self._fake.unit_files[path]
        self._keep(unit, step.instance.name)
        self._cluster.effect()
        del fake.files[unit]
        self._cluster.effect()
        fake.env.pop(step.instance.name, None)
        self._cluster.effect()
        fake.loaded.pop(unit, None)
        fake.active.pop(unit, None)
        return StepResult(step, "changed")

    def _halt(self, step: StopUnit) -> StepResult:
        unit = step.instance.unit
        if sha(self._fake.files.get(unit, "")) != step.replaces:
            return StepResult(step, "failed", f"{unit} has changed since the plan was made")
        self._cluster.effect()
        self._fake.permits.discard(unit)
        self._stop(unit)
        return StepResult(step, "changed")

    def _units(self, steps: Mapping[int, ApplyUnit]) -> dict[int, StepResult]:
        results: dict[int, StepResult] = {}
        for number, step in steps.items():
            refusal = self._refusal(step)
            if refusal:
                results[number] = StepResult(step, "failed", refusal)
                continue
            self._lay(step)
            if step.action == "replace":
                self._install(step)
        go = {number: step for number, step in steps.items() if number not in results}
        for step in go.values():
            self._cluster.effect()
            self._fake.permits.add(step.instance.unit)
            self._fake.enabled.add(step.instance.unit)
        if go:
            self._reload()
        for action in ("replace", "restart", "start"):
            for step in go.values():
                if step.action == action:
                    self._systemctl(step.instance.unit, action)
        results |= {number: self._verdict(step) for number, step in go.items()}
        self._sweep(go.values())
        return results

    def _sweep(self, steps: Collection[ApplyUnit]) -> None:
        for step in steps:
            self._sweep_files(step.instance.name, step.instance.unit)
        if steps:
            self._sweep_networks("")

    def _lay(self, step: ApplyUnit) -> None:
        for file in step.files:
            self._cluster.effect()
            self._fake.unit_files[file.path] = file.content

    def _sweep_files(self, name: str, unit: str) -> None:
        texts = [self._fake.files.get(unit, ""), self._fake.previous.get(unit, ("", None))[0]]
        wanted = {path for text in texts if argv_of(text) for path in container_of(text).binds}
        for path in sorted(self._fake.unit_files):
            if path.startswith(f"/etc/clusterctl/files/{name}/") and path not in wanted:
                self._cluster.effect()
                del self._fake.unit_files[path]

    def _sweep_networks(self, but: str) -> None:
        """Remove the networks of ours that no unit but one names; docker keeps those in use."""
        texts = [text for unit, text in self._fake.files.items() if unit != but and argv_of(text)]
        named = {name for text in texts for name in container_of(text).networks}
        used = {name for container in self._fake.containers.values() for name in container.networks}
        for name in sorted(self._fake.networks):
            if self._fake.networks[name] and name not in named | used:
                self._cluster.effect()
                del self._fake.networks[name]

    def _refusal(self, step: ApplyUnit) -> str:
        present = self._fake.files.get(step.instance.unit)
        if ("" if present is None else sha(present)) != step.replaces:
            return f"{step.instance.unit} has changed since the plan was made"
        if sha(step.unit_text) != step.unit_digest:
            return "the unit did not arrive whole"
        image = container_of(step.unit_text).image
        if step.action != "enable" and (not self._fake.docker or image not in self._fake.images):
            return f"image {image} is not on the host"
        return ""

    def _install(self, step: ApplyUnit) -> None:
        fake, unit, name = self._fake, step.instance.unit, step.instance.name
        if unit in fake.files:
            self._keep(unit, name)
        self._cluster.effect()
        fake.env[name] = step.environment
        self._cluster.effect()
        fake.files[unit] = step.unit_text

    def _keep(self, unit: str, name: str) -> None:
        self._cluster.effect()
        self._fake.previous[unit] = (self._fake.files[unit], self._fake.env.get(name))

    def _reload(self) -> None:
        self._cluster.effect()
        self._fake.loaded = dict(self._fake.files)

    def _systemctl(self, unit: str, action: str) -> bool:
        if action == "start" and self._fake.active.get(unit) == "active":
            return True
        self._stop(unit)
        self._cluster.effect()
        well = self.start(self._fake.loaded[unit])
        self._fake.active[unit] = "active" if well else "failed"
        return well

    def _stop(self, unit: str) -> None:
        self._cluster.effect()
        name = container_name(
            self._fake.loaded.get(unit, self._fake.files[unit])
        )  # systemd goes by what it read
        if "io.clusterctl.instance" in self._fake.containers.get(name, Container("")).labels:
            del self._fake.containers[name]
        self._fake.active[unit] = "inactive"

    def start(self, text: str) -> bool:
        """Run a unit's container, if its ports are free and its image is here; say whether it got well."""
        fake, container, name = self._fake, container_of(text), container_name(text)
        taken = fake.listeners | {use.port for other in fake.containers.values() for use in other.ports}
        if not fake.docker or container.image not in fake.images or name in fake.containers:
            return False
        if taken & {use.port for use in container.ports} or self._cluster.is_broken(container.image):
            return False
        if any(path not in fake.unit_files for path in container.binds):
            return False
        for network in container.networks:
            if fake.networks.get(network) == "":
                return False
        fake.networks |= {network: label_of(text, network) for network in container.networks}
        fake.volumes |= set(container.volumes)
        fake.since[f"clusterctl-{name}.service"] = self._cluster.clock_s
        environment = fake.env[name] if container.env_file else ""
        fake.containers[name] = replace(container, environment=environment)
        return True

    def _verdict(self, step: ApplyUnit) -> StepResult:
        unit, fake = step.instance.unit, self._fake
        if fake.active.get(unit) == "active" and fake.files.get(unit) == step.unit_text:
            return StepResult(step, "changed")
        if step.action != "replace":
            return StepResult(
                step, "failed", f"{unit} is {fake.active.get(unit)} after systemctl {step.action}"
            )
        log = ("the last words of the container",)
        back = self._put_back(step)
        return StepResult(step, "failed", f"{unit} did not become healthy", log, restored=back)

    def _put_back(self, step: ApplyUnit) -> bool:
        fake, unit, name = self._fake, step.instance.unit, step.instance.name
        self._stop(unit)
        if not step.replaces:
            self._cluster.effect()
            fake.enabled.discard(unit)
            fake.active[unit] = "failed"
            return False
        text, env = fake.previous[unit]
        self._cluster.effect()
        fake.files[unit] = text
        if env is not None:
            self._cluster.effect()
            fake.env[name] = env
        self._reload()
        return self._systemctl(unit, "start")
