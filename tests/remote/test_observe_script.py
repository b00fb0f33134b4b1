"""observe.sh itself, under each shell that is here, with stand-ins for docker, systemctl and the registry."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from clusterctl.model.report import CommandResult
from clusterctl.model.snapshot import HostFacts, LookRequest, PortUse, Resolved, Unreachable
from clusterctl.remote.facts import build_look, parse_look

NONCE = "c" * 32
SHELLS = [["sh", "-s"], ["bash", "-s"]]  # busybox is tried in the lab: tests/e2e/test_look.py
UNIT = "[Unit]\nDescription=x\n[X-Clusterctl]\nDigest=0"  # no newline at the end: it must come back so
ID, IMAGE = "1" * 64, "2" * 64
DOCKER = f"""#!/bin/sh
case $1 in
    info) echo '"27.1" "/tmp"' ;;
    ps) echo {ID} ;;
    inspect) printf '%s\\n' '{{"id":"{ID}","name":"/web","image":"nginx","image_id":"sha256:{IMAGE}","state":"running",\
"health":"healthy","started_at":"2026","labels":{{"a":"b"}},"bindings":{{}},"ports":{{"80/tcp":[{{"HostIp":"","HostPort":"81"}}]}}}}' ;;
    image) ;;
    volume) echo data ;;
esac
"""
SYSTEMCTL = """#!/bin/sh
case "$*" in
    *SystemState*) printf 'Version=252\\nSystemState=degraded\\nNFailedUnits=1\\n' ;;
    list-units*) echo 'bad.service loaded failed failed Bad' ;;
    *--timestamp*) exit 1 ;;
    *) for unit; do :; done; printf 'Id=%s\\nActiveState=active\\nActiveEnterTimestampMonotonic=1000000\\n' "$unit" ;;
esac
"""
PROGRAMS = ["cat", "date", "df", "head", "mktemp", "mv", "nproc", "rm", "sha256sum", "tail", "timeout"]
PROGRAMS += ["tr", "uname", "xargs"]
CURL = """#!/bin/sh
printf '{"Descriptor":{"digest":"sha256:%064d"}}\\n200\\n' 7
"""


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """Give a host in a folder: its files under etc/, its programs under bin/."""
    for name, text in {
        "bin/docker": DOCKER,
        "bin/systemctl": SYSTEMCTL,
        "bin/curl": CURL,
        "etc/systemd/system/clusterctl-shop-web-1.service": UNIT,
        "etc/systemd/system/other.service": "not ours",
        "etc/clusterctl/cluster": "shop\n",
        "etc/clusterctl/env/shop-web-1.env": "A=1\n",
        "etc/clusterctl/markers/cordoned": "by ops\n",
        "etc/clusterctl/markers/$(touch pwned)": "odd\n",
        "etc/clusterctl/projects/shop.json": '{"generation": 1}\n',
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if name.startswith("bin/"):
            path.chmod(0o755)
    return tmp_path


def script_for(host: Path, request: LookRequest) -> str:
    text = build_look(request, NONCE).replace("PATH=/usr/local/sbin", f"PATH={host}/bin:/usr/local/sbin")
    for path in ("/etc/systemd/system/", "/etc/clusterctl/", "/run/clusterctl"):
        text = text.replace(path, f"{host}{path}")
    return text


def look(host: Path, shell: list[str], request: LookRequest) -> HostFacts | Unreachable:
    done = subprocess.run(
        shell, input=script_for(host, request).encode(), capture_output=True, check=False, timeout=60
    )
    assert done.stderr == b""
    return parse_look("h1", "10.0.0.1", CommandResult("h1", done.returncode, done.stdout, done.stderr), NONCE)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_look_sees_everything_of_ours_and_of_docker(host: Path, shell: list[str]) -> None:
    found = look(host, shell, LookRequest(("nginx:1", "registry:5000/a/b:2")))

    assert isinstance(found, HostFacts)
    assert [(unit.name, unit.text, unit.active) for unit in found.units] == [
        ("clusterctl-shop-web-1.service", UNIT, "active")
    ]
    assert found.units[0].since_s is not None
    assert found.units[0].digest == hashlib.sha256(UNIT.encode()).hexdigest()
    assert (found.cluster, found.markers) == ("shop", {"cordoned": "by ops"})
    assert found.manifests == {"shop": '{"generation": 1}\n'}
    assert found.env_digests == {"shop-web-1": hashlib.sha256(b"A=1\n").hexdigest()}
    assert (found.systemd_state, found.failed_units) == ("degraded", ("bad.service",))
    assert (found.docker_version, found.docker_error) == ("27.1", "")
    assert found.containers is not None
    assert [(each.name, each.health, each.ports) for each in found.containers] == [
        ("web", "healthy", (PortUse(81, "tcp"),))
    ]
    assert (found.images, found.volumes) == ((), ("data",))
    digest = Resolved(digest=f"sha256:{7:064d}")
    assert found.resolved == {"nginx:1": digest, "registry:5000/a/b:2": digest}
    assert found.cpus >= 1
    assert 0 < found.memory_available_bytes < found.memory_bytes
    assert 0 < found.disk_free_bytes <= found.disk_total_bytes
    assert abs(found.clock_s - time.time()) < 60


@pytest.mark.parametrize("shell", SHELLS)
def test_of_a_large_or_strange_unit_the_beginning_is_told_and_the_digest_of_all(
    host: Path, shell: list[str]
) -> None:
    folder = host / "etc/systemd/system"
    large = b"# \xff\n" + b"# mine\n" * 20_000
    (folder / "clusterctl-shop-web-2.service").write_bytes(large)
    os.mkfifo(folder / "clusterctl-shop-web-3.service")

    found = look(host, shell, LookRequest())

    assert isinstance(found, HostFacts)
    assert [(unit.name, len(unit.text) < 66_000, unit.digest) for unit in found.units] == [
        ("clusterctl-shop-web-1.service", True, hashlib.sha256(UNIT.encode()).hexdigest()),
        ("clusterctl-shop-web-2.service", True, hashlib.sha256(large).hexdigest()),
    ]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_look_at_a_bare_host_is_empty_and_not_an_error(host: Path, shell: list[str]) -> None:
    for folder in ("etc", "bin"):
        shutil.rmtree(host / folder)
    script = script_for(host, LookRequest(("nginx",)))
    # Not even the system's own programs of these names.
    bare = host / "bin"
    bare.mkdir()
    for name in PROGRAMS:
        program = shutil.which(name)
        if program:
            (bare / name).symlink_to(program)
    path = f"PATH={bare}\n"
    script = "\n".join(
        line if "PATH=" not in line or "export" not in line else f"export LC_ALL=C HOME=/root {path}"
        for line in script.split("\n")
    )
    full = [shutil.which(shell[0]) or "", *shell[1:]]

    done = subprocess.run(full, input=script.encode(), capture_output=True, check=False, timeout=60)
    found = parse_look("h1", "a", CommandResult("h1", done.returncode, done.stdout, done.stderr), NONCE)

    assert isinstance(found, HostFacts), (found, done.stderr)
    assert (found.units, found.markers, found.manifests, found.cluster) == ((), {}, {}, "")
    assert found.systemd_state == "unknown"
    assert found.containers is None
    assert found.docker_error == "docker is not installed"
    assert found.resolved["nginx"].error.startswith("cannot ask the registry: curl is missing")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_torn_script_does_nothing(host: Path, shell: list[str]) -> None:
    script = script_for(host, LookRequest())

    for end in (len(script) // 3, len(script) // 2, len(script) - len("main </dev/null\n")):
        done = subprocess.run(shell, input=script[:end].encode(), capture_output=True, check=False)

        assert done.stdout == b""


@pytest.mark.parametrize("shell", SHELLS)
def test_a_change_under_way_is_waited_for_and_then_told(host: Path, shell: list[str]) -> None:
    (host / "run" / "clusterctl").mkdir(parents=True)
    lock = host / "run" / "clusterctl" / "lock"
    lock.touch()
    (host / "run" / "clusterctl" / "holder").write_text("ops@laptop apply\n")

    under_way = ["flock", str(lock), "sh", "-c", "echo begun; exec sleep 60"]
    with subprocess.Popen(under_way, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"begun\n"
        at_once = look(host, shell, LookRequest())
        waited = look(host, shell, LookRequest(settle_s=1))
        subprocess.run(["pkill", "-P", str(holder.pid)], check=False)
    settled = look(host, shell, LookRequest(settle_s=5))

    assert [
        answer.markers.get("busy") for answer in (at_once, waited, settled) if isinstance(answer, HostFacts)
    ] == [
        None,
        "ops@laptop apply",
        None,
    ]


def test_nothing_is_left_behind(host: Path) -> None:
    (host / "run").mkdir()

    look(host, ["sh", "-s"], LookRequest(("nginx",)))

    assert list((host / "run").iterdir()) == []
    assert not list(host.rglob("pwned"))
