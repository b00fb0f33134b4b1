"""Small real service images for a lab, made without pulling or building: one layer of busybox and scripts.

The image is put together here and pushed past the engine (`push`): nothing stays in the engine, and the
same settings give the same digest in every lab. What the service does is in `image/hello`.
"""

from __future__ import annotations

import functools
import gzip
import io
import json
import re
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clusterctl.errors import InputError
from clusterctl.lab import registry
from clusterctl.lab.host_image import DATA
from clusterctl.lab.hosts import container_of
from clusterctl.lab.push import Repository, digest_of

if TYPE_CHECKING:
    from docker import DockerClient

_REPOSITORY = re.compile(r"[a-z0-9]+([._/-][a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_PACKAGED = {"haproxy": ("/usr/sbin/haproxy",), "redis": ("/usr/bin/redis-server", "/usr/bin/redis-cli")}
"""Images of programs from Debian's packages: repository -> the programs, which come from the host image."""
PACKAGED_TAG = "1.0"
_SCRIPTS = ("hello", "answer", "args")
_APPLETS = (
    "sh ash awk cat chmod cp cut date dd df echo env expr false find grep head hexdump hostname id kill "
    "ls mkdir mount mv nc nproc printf ps pwd rm sed seq sleep sort stat tail tar test timeout touch tr "
    "true uname uniq wc wget which xargs"
)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a service image does: the version it tells, seconds before it listens, and how it fails.

    `fail` is "" or exit (at once), unhealthy (always 503), late:N (503 after N seconds), deaf (no SIGTERM).
    """

    version: str
    start_delay_s: int = 0
    fail: str = ""


# What `lab up` pushes as repository "hello", by tag.
SAMPLES = {
    "1.0": Behaviour("1.0"),
    "1.1": Behaviour("1.1"),
    "slow": Behaviour("slow", start_delay_s=5),
    "broken": Behaviour("broken", fail="exit"),
    "unhealthy": Behaviour("unhealthy", fail="unhealthy"),
}
SAMPLE_REPOSITORY = "hello"


def check_fail(fail: str) -> str:
    """Return `fail`; refuse a way of failing that the image does not know."""
    kind, _, seconds = fail.partition(":")
    if fail in {"", "exit", "unhealthy", "deaf"} or (kind == "late" and seconds.isdecimal()):
        return fail
    raise InputError(
        f"a service image cannot fail by {fail!r}",
        details=["known: exit, unhealthy, deaf, late:SECONDS; nothing for a good one"],
    )


def check_reference(repository: str, tag: str) -> None:
    """Refuse what docker could not pull: a repository with capitals, a tag with slashes."""
    if not (_REPOSITORY.fullmatch(repository) and _TAG.fullmatch(tag)):
        raise InputError(f"{repository}:{tag} cannot be the name of an image", next_step="such as hello:1.2")


def build_service_image(
    engine: DockerClient,
    lab: str,
    repository: str,
    tag: str,
    *,
    version: str,
    start_delay_s: int = 0,
    fail: str = "",
) -> str:
    """Make a service image, push it to the lab's registry as REPOSITORY:TAG and return its digest."""
    check_reference(repository, tag)
    behaviour = Behaviour(version, start_delay_s, check_fail(fail))
    layer = _layer(_busybox(engine, lab))
    config = _config(behaviour, str(engine.version()["Arch"]), digest_of(gzip.decompress(layer)))
    return Repository(registry.registry_push(engine, lab), repository).push(tag, config, layer)


def missing_samples(push: str) -> list[str]:
    """Return the tags of the sample images that the registry does not hold yet."""
    have = Repository(push, SAMPLE_REPOSITORY).tags()
    return [tag for tag in SAMPLES if tag not in have]


def push_sample(engine: DockerClient, lab: str, tag: str) -> str:
    """Push one of the sample images; return its digest."""
    what = SAMPLES[tag]
    return build_service_image(
        engine,
        lab,
        SAMPLE_REPOSITORY,
        tag,
        version=what.version,
        start_delay_s=what.start_delay_s,
        fail=what.fail,
    )


def missing_packaged(push: str) -> list[str]:
    """Return the repositories of `_PACKAGED` that the registry does not hold yet."""
    return [name for name in _PACKAGED if PACKAGED_TAG not in Repository(push, name).tags()]


def push_packaged(engine: DockerClient, lab: str, repository: str) -> str:
    """Push an image of a program from Debian with the libraries it needs, and its start script; return its digest."""
    layer = _packaged_layer(engine, lab, repository)
    config = json.loads(_config(Behaviour(PACKAGED_TAG), str(engine.version()["Arch"]), "sha256:0"))
    config["config"] = {"Env": ["PATH=/bin:/usr/sbin:/usr/bin"], "Cmd": [f"/bin/{repository}"]}
    config["rootfs"]["diff_ids"] = [digest_of(gzip.decompress(layer))]
    content = json.dumps(config, sort_keys=True).encode()
    return Repository(registry.registry_push(engine, lab), repository).push(PACKAGED_TAG, content, layer)


def _packaged_layer(engine: DockerClient, lab: str, repository: str) -> bytes:
    """Return busybox, the programs, and every library that ldd(1) names, as one layer."""
    programs = _PACKAGED[repository]
    script = (
        "tar -C / -chf - --hard-dereference "
        f"$(ldd {' '.join(programs)} | grep -o '/[^ ]*' | grep -v ':$' | sort -u) {' '.join(programs)}"
    )
    container = container_of(engine, lab, registry.PART)
    answer = container.exec_run(["sh", "-c", script], demux=True)
    output: Any = answer.output
    data = io.BytesIO()
    with (
        tarfile.open(fileobj=data, mode="w", format=tarfile.USTAR_FORMAT) as tar,
        tarfile.open(fileobj=io.BytesIO(output[0] or b"")) as tree,
    ):
        _add_base(tar, _busybox(engine, lab))
        _add(tar, f"bin/{repository}", 0o755, (DATA / repository).read_bytes())
        for entry in sorted(tree.getmembers(), key=lambda entry: entry.name):
            file = tree.extractfile(entry)
            _add(tar, entry.name.lstrip("/"), 0o755, file.read() if file else b"")
    return gzip.compress(data.getvalue(), compresslevel=6, mtime=0)


@functools.cache
def _busybox(engine: DockerClient, lab: str) -> bytes:
    """Return the static busybox of the host image, taken from the registry's container."""
    stream, _ = container_of(engine, lab, registry.PART).get_archive("/usr/bin/busybox")
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as tar:
        file = tar.extractfile("busybox")
        return file.read() if file else b""


@functools.cache
def _layer(busybox: bytes) -> bytes:
    """Return the compressed layer; no times and no owners, so that the same content is the same digest."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        _add_base(tar, busybox)
        for name in _SCRIPTS:
            _add(tar, f"bin/{name}", 0o755, (DATA / name).read_bytes())
        _add(tar, "bin/printargs", 0o777, kind=tarfile.SYMTYPE, target="hello")
    return gzip.compress(data.getvalue(), compresslevel=6, mtime=0)


def _add_base(tar: tarfile.TarFile, busybox: bytes) -> None:
    """Add folders, busybox under all its names, and two users."""
    for name, mode in (("bin", 0o755), ("etc", 0o755), ("tmp", 0o1777)):
        _add(tar, name, mode, kind=tarfile.DIRTYPE)
    _add(tar, "bin/busybox", 0o755, busybox)
    for name in _APPLETS.split():
        _add(tar, f"bin/{name}", 0o777, kind=tarfile.SYMTYPE, target="busybox")
    _add(tar, "etc/passwd", 0o644, b"root:x:0:0::/:/bin/sh\nhello:x:1000:1000::/:/bin/sh\n")
    _add(tar, "etc/group", 0o644, b"root:x:0:\nhello:x:1000:\n")


def _add(
    tar: tarfile.TarFile,
    name: str,
    mode: int,
    content: bytes = b"",
    *,
    kind: bytes = tarfile.REGTYPE,
    target: str = "",
) -> None:
    entry = tarfile.TarInfo(name)
    entry.mode, entry.size, entry.type, entry.linkname = mode, len(content), kind, target
    tar.addfile(entry, io.BytesIO(content))


def _config(behaviour: Behaviour, architecture: str, layer_digest: str) -> bytes:
    config = {
        "architecture": architecture,
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": {
            "Env": [
                "PATH=/bin",
                f"VERSION={behaviour.version}",
                f"START_DELAY={behaviour.start_delay_s}",
                f"FAIL={behaviour.fail}",
            ],
            "Cmd": ["/bin/hello"],
            "ExposedPorts": {"8080/tcp": {}},
        },
        "rootfs": {"type": "layers", "diff_ids": [layer_digest]},
    }
    return json.dumps(config, sort_keys=True).encode()
