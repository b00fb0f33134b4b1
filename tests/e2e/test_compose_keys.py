"""Keys of Compose beyond the plain ones, looked at from inside a container on the lab's hosts."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.fleet import LabFleet

IMAGE = "registry.lab:5000/hello:1.0"
HEALTH = ["CMD", "busybox", "wget", "-q", "-O-", "http://127.0.0.1:8080/health"]


def write(folder: Path, project: str, token: str) -> Path:
    """Write a playbook of two services on one host, with as many keys as a lab's docker has."""
    here = {"placement": {"constraints": ["node.hostname == h1"]}}
    web = {
        "image": IMAGE,
        "healthcheck": {"test": HEALTH, "interval": "1s", "timeout": "2s", "retries": 5},
        "stop_grace_period": "2s",
        "networks": {"default": {"aliases": ["www"]}, "back": {}},
        "secrets": ["token", {"source": "token", "target": "own", "uid": 1000, "gid": 33, "mode": "0400"}],
        "configs": [{"source": "site", "target": "/etc/site.conf"}],
        "sysctls": {"net.core.somaxconn": "4321"},
        "ulimits": {"nofile": {"soft": 2000, "hard": 3000}},
        "shm_size": "32m",
        "extra_hosts": ["db=10.0.0.5"],
        "hostname": "front",
        "working_dir": "/tmp",
        "pids_limit": 200,
        "group_add": [1234],
        "oom_score_adj": 100,
        "security_opt": ["no-new-privileges:true"],
        "post_start": [{"command": ["busybox", "sh", "-c", "echo began >/data/said"]}],
        "pre_stop": [{"command": ["busybox", "sh", "-c", "echo ends >>/data/said"]}],
        "volumes": ["data:/data"],
        "deploy": here,
    }
    peer = {"image": IMAGE, "networks": ["back"], "stop_grace_period": "1s", "deploy": here}
    (folder / "token.txt").write_text(token)
    text = {
        "name": project,
        "services": {"web": web, "peer": peer},
        "networks": {"back": {"internal": True}},
        "volumes": {"data": {"labels": {"team": "blue"}}},
        "secrets": {"token": {"file": "token.txt"}},
        "configs": {"site": {"content": "listen 80\n"}},
    }
    path = folder / f"{project}.yaml"
    path.write_text(json.dumps(text))
    return path


def inside(fleet: LabFleet, project: str, script: str, service: str = "web") -> list[str]:
    """Return the lines of a shell script in a container on h1."""
    words = ["docker", "exec", f"{project}-{service}-1", "busybox", "sh", "-c", script]
    return fleet.inside("h1", *words).split("\n")[:-1]


def test_a_container_has_what_its_playbook_says(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    playbook = write(tmp_path, project, "s3cret-1")
    fleet.apply(playbook)

    assert inside(fleet, project, "ls -ln /run/secrets | busybox awk 'NR>1{print $1,$3,$4,$NF}'") == [
        "-r-------- 1000 33 own",
        "-r--r--r-- 0 0 token",
    ]
    assert inside(fleet, project, "cat /run/secrets/token; echo; cat /etc/site.conf") == [
        "s3cret-1",
        "listen 80",
    ]
    # Of the container's own process: what runc's exec starts has now and then other limits under load.
    files = "busybox awk '/open files/ {print $4; print $5}' /proc/1/limits"
    assert inside(fleet, project, f"cat /proc/sys/net/core/somaxconn; {files}; hostname; pwd") == [
        *("4321", "2000", "3000", "front", "/tmp"),
    ]
    assert inside(fleet, project, "cat /proc/self/oom_score_adj; id -G; cat /data/said") == [
        "100",
        "0 1234",
        "began",
    ]
    assert inside(fleet, project, "grep -c '10.0.0.5.*db' /etc/hosts; grep NoNewPrivs /proc/self/status") == [
        *("1", "NoNewPrivs:\t1"),
    ]
    assert inside(fleet, project, "wget -q -O- http://web:8080/health", "peer") == ["healthy"]
    assert inside(fleet, project, "wget -q -O- http://peer:8080/health") == ["healthy"]
    assert "s3cret" not in fleet.ssh(
        "h1", f"cat /etc/systemd/system/clusterctl-{project}-*; journalctl -q | cat"
    )

    again = fleet.cli("plan", str(playbook), "--detailed-exitcode")
    assert again.code == 0, again.stdout

    changed = fleet.apply(write(tmp_path, project, "s3cret-2"))
    assert "configs and secrets: ~secret token" in changed.stdout
    assert "s3cret" not in changed.stdout + changed.stderr
    assert inside(fleet, project, "cat /run/secrets/token; echo; cat /data/said") == ["s3cret-2", "began"]

    deleted = fleet.cli("delete", project, "--yes")
    assert deleted.code == 0, deleted.stderr
    assert project not in fleet.ssh("h1", "docker network ls; ls /etc/clusterctl/files /etc/systemd/system")
    said = fleet.ssh("h1", f"cat /var/lib/docker/volumes/{project}_data/_data/said")
    assert said.split() == ["began", "ends"]
