"""A look at a host: the script that is sent, and the facts read out of its answer.

The script is `shell/observe.sh`: one run, as root, changing nothing (but the epoch it is told to claim). An answer that breaks a rule makes
its host unknown (`Unreachable`, rung "answer"), and no other. The parts are in `facts_host` (system,
units, ports), `facts_records` and `facts_docker`; what facts mean is decided in `planning`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from functools import cache
from importlib import resources

from clusterctl.errors import InputError
from clusterctl.model.report import CommandResult
from clusterctl.model.snapshot import HostFacts, LookRequest, Unreachable
from clusterctl.remote.answer import BadAnswerError, parse_answer
from clusterctl.remote.facts_docker import parse_docker
from clusterctl.remote.facts_host import parse_files, parse_system
from clusterctl.remote.facts_records import parse_records
from clusterctl.remote.frame import FRAME_FUNCTION, NONCE_PATTERN, Frame
from clusterctl.remote.packages import LOOK_LIBRARY, LOOK_PACKAGES_S, parse_packages
from clusterctl.remote.script import LARGEST_EPOCH
from clusterctl.remote.text import first_line

# Docker may take 20 + 8 s, systemd 5 + 5 + 20 s at the same time; PROMISES allows a probe 45 s.
LOOK_DEADLINE_S = 45.0
# The host's lock and the epoch's, 10 s each.
CLAIM_S = 20.0
LOOK_CAP_BYTES = 16 * 1024 * 1024
MAX_IMAGES = 64
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}")

# The grammar of github.com/distribution/reference, with sha256 as the only digest.
_PART = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{{1,5}})?/)?{_PART}(?:/{_PART})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?P<digest>@sha256:[0-9a-f]{64})?"
)


def look_deadline_s(request: LookRequest) -> float:
    """Return how long one look may take on a host, once connected."""
    more_s = (CLAIM_S if request.claim_epoch else 0.0) + (LOOK_PACKAGES_S if request.packages else 0.0)
    return LOOK_DEADLINE_S + request.settle_s + more_s


def images_to_ask(request: LookRequest) -> tuple[str, ...]:
    """Return the references the registry has to be asked for: each once, those with a digest left out.

    Raises InputError for what is no image reference, and for more than 64 of them.
    """
    asked: dict[str, None] = {}
    for image in request.images:
        match = _REFERENCE.fullmatch(image)
        if match is None or len(image) > 255:
            raise InputError(f"{first_line(image)}: is not an image reference")
        if not match["digest"]:
            asked[image] = None
    if len(asked) > MAX_IMAGES:
        raise InputError(f"{len(asked)} images to resolve at once; at most {MAX_IMAGES}")
    return tuple(asked)


def build_look(request: LookRequest, nonce: str, cluster: str = "") -> str:
    """Return the script of one look, to be read by `/bin/sh -s` as root.

    An epoch is claimed only on a host of `cluster`, or of none.
    """
    if not NONCE_PATTERN.fullmatch(nonce):
        raise ValueError("a nonce is 32 hex digits")
    settle_s = min(max(int(request.settle_s), 0), 3600)
    if request.run and not _RUN.fullmatch(request.run):
        raise InputError(f"{first_line(request.run)}: is not the name of a run")
    wanted = {
        "NONCE": nonce,
        "SETTLE_S": str(settle_s),
        "IMAGES": "\n".join(images_to_ask(request)),
        "HISTORY": str(int(request.history)),
        "RUN": request.run,
        "CLAIM": str(min(max(int(request.claim_epoch), 0), LARGEST_EPOCH)),
        "CLUSTER": cluster,
        "PACKAGES": str(int(request.packages)),
    }
    head = "".join(f"{name}={shlex.quote(value)}\n" for name, value in wanted.items())
    libraries = [LOOK_LIBRARY] if request.packages else []
    functions = "".join(_library(name) for name in [*libraries, "observe_records", "observe"])
    return f"{head}{FRAME_FUNCTION}{functions}"


def parse_look(host: str, address: str, result: CommandResult, nonce: str) -> HostFacts | Unreachable:
    """Return the facts in an answer to `build_look(..., nonce)`, or why there are none."""
    frame = parse_answer(host, result, nonce)
    if isinstance(frame, Unreachable):
        return frame
    try:
        return _facts(host, address, frame)
    except BadAnswerError as error:
        return Unreachable(host, "answer", first_line(f"the answer cannot be true: {error}"))


def mark_duplicates(answers: Mapping[str, HostFacts | Unreachable]) -> dict[str, HostFacts | Unreachable]:
    """Return the answers, with every two hosts that are one machine made unreachable (rung "identity")."""
    names: dict[str, list[str]] = {}
    for name, answer in answers.items():
        if isinstance(answer, HostFacts) and answer.machine_id:
            names.setdefault(answer.machine_id, []).append(name)
    marked = dict(answers)
    for machine_id, twins in names.items():
        for name in twins if len(twins) > 1 else ():
            reason = (
                f"{' and '.join(twins)} are one machine (machine-id {machine_id}); nothing is done there: name it "
                "once, or leave out the one that lies with --ignore-host"
            )
            marked[name] = Unreachable(name, "identity", reason)
    return marked


def _facts(host: str, address: str, frame: Frame) -> HostFacts:
    system = parse_system(frame.sections)
    files = parse_files(frame.sections, system.boot_time_s)
    docker = parse_docker(frame.sections)
    records = parse_records(frame.sections)
    return HostFacts(
        host=host,
        address=address,
        boot_id=system.boot_id,
        machine_id=system.machine_id,
        os=system.os,
        kernel=system.kernel,
        architecture=system.architecture,
        systemd_version=system.systemd_version,
        systemd_state=system.systemd_state,
        docker_version=docker.version,
        docker_error=docker.error,
        cpus=system.cpus,
        memory_bytes=system.memory_bytes,
        memory_available_bytes=system.memory_available_bytes,
        load_1m=system.load_1m,
        uptime_s=system.uptime_s,
        clock_s=system.clock_s,
        disk_total_bytes=system.disk_total_bytes,
        disk_free_bytes=system.disk_free_bytes,
        cluster=files.cluster,
        units=files.units,
        failed_units=system.failed_units,
        containers=docker.containers,
        images=docker.images,
        volumes=docker.volumes,
        networks=docker.networks,
        ports=system.ports,
        env_digests=files.env_digests,
        markers=files.markers,
        manifests=files.manifests,
        resolved=docker.resolved,
        history=records.history,
        runs=records.runs,
        epoch=records.epoch,
        reboot_reasons=records.reboot_reasons,
        packages=parse_packages(frame.sections) if "packages.driver" in frame.sections else None,
    )


@cache
def _library(name: str) -> str:
    return (resources.files("clusterctl.remote") / "shell" / f"{name}.sh").read_text("utf-8")
