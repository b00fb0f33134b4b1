"""Keys of Compose beyond the plain ones, looked at from inside a container on the lab's hosts."""

from __future__ import annotations

import json
import shlex
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


WATCHED = "/tmp/clusterctl-watched"
SECRET = "s3cret-from-a-variable"


def watch_command_lines(fleet: LabFleet) -> None:
    """Have h1 write every command line that it sees to a file, until `seen_command_lines` or for a minute."""
    loop = f"end=$(($(date +%s) + 60)); while [ -e {WATCHED} ] && [ $(date +%s) -lt $end ]; do "
    loop += f"cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' >>{WATCHED}.lines; done"
    fleet.ssh(
        "h1",
        f": >{WATCHED}; : >{WATCHED}.lines; nohup sh -c {shlex.quote(loop)} >/dev/null 2>&1 </dev/null &",
    )


def seen_command_lines(fleet: LabFleet) -> str:
    """Return the command lines that h1 has seen."""
    return fleet.ssh("h1", f"rm -f {WATCHED}; cat {WATCHED}.lines; rm -f {WATCHED}.lines")


def test_a_secret_from_a_variable_is_in_its_file_and_in_no_line_that_others_read(
    fleet: LabFleet, project: str, tmp_path: Path
) -> None:
    web = {
        "image": IMAGE,
        "environment": ["TOKEN"],
        "secrets": [{"source": "token", "uid": 1000, "gid": 33, "mode": "0440"}],
        "stop_grace_period": "1s",
        "deploy": {"placement": {"constraints": ["node.hostname == h1"]}},
    }
    text = {"name": project, "services": {"web": web}, "secrets": {"token": {"environment": "TOKEN"}}}
    playbook = tmp_path / f"{project}.yaml"
    playbook.write_text(json.dumps(text))
    watch_command_lines(fleet)

    applied = fleet.cli("apply", str(playbook), "--env", "TOKEN", "--yes", TOKEN=SECRET)
    lines = seen_command_lines(fleet)

    assert applied.code == 0, applied.stdout + applied.stderr
    assert inside(fleet, project, "ls -ln /run/secrets | busybox awk 'NR>1{print $1,$3,$4,$NF}'") == [
        "-r--r----- 1000 33 token",
    ]
    assert inside(fleet, project, "cat /run/secrets/token; echo; echo $TOKEN") == [SECRET, SECRET]
    assert f"{project}-web-1" in lines
    assert SECRET not in lines
    assert SECRET not in applied.stdout + applied.stderr
    assert SECRET not in fleet.ssh("h1", "journalctl -q --no-pager; cat /etc/systemd/system/clusterctl-*")
    kept = "grep -rl --exclude-dir=docker --exclude-dir=containerd -f - /etc /var/lib /run /var/log"
    assert set(fleet.ssh("h1", f"{kept} | xargs stat -c '%u %A'", stdin=SECRET).splitlines()) == {
        "0 -rw-------",
        "1000 -r--r-----",
    }
    folders = fleet.ssh("h1", "stat -c %a /etc/clusterctl/files /etc/clusterctl/env /etc/clusterctl/projects")
    assert set(folders.split()) == {"700"}


def test_a_volume_and_a_network_of_somebody_else_are_used_and_left(
    fleet: LabFleet, project: str, tmp_path: Path
) -> None:
    """`external` with the name below it, as files of old write it."""
    kept = f"kept-{project}"
    fleet.ssh("h2", f"docker volume create {kept}; docker network create {kept}")
    web = {"image": IMAGE, "volumes": ["data:/data"], "networks": ["old"], "stop_grace_period": "1s"}
    text = {
        "name": project,
        "services": {"web": web},
        "volumes": {"data": {"external": {"name": kept}}},
        "networks": {"old": {"external": {"name": kept}}},
    }
    playbook = tmp_path / f"{project}.yaml"
    playbook.write_text(json.dumps(text))

    fleet.apply(playbook)

    assert [item["host"] for item in fleet.all_containers(f"{project}-").values()] == ["h2"]
    shown = (
        "{{range .Mounts}}{{.Name}}{{end}} {{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}"
    )
    assert fleet.inside("h2", "docker", "inspect", "-f", shown, f"{project}-web-1").split() == [kept, kept]
    assert fleet.cli("delete", project, "--yes").code == 0
    assert fleet.ssh("h2", f"docker volume rm {kept}; docker network rm {kept}").split() == [kept, kept]
