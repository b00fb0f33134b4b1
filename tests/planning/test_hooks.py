"""Commands of a service after its start and before its stop: their scripts, in a real shell with a stand-in for docker."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from clusterctl.model.service import Service, ServiceHook
from clusterctl.model.step import ApplyUnit
from clusterctl.planning.deploy import plan_apply
from clusterctl.planning.hooks import post_start_script, pre_stop_script, start_s
from clusterctl.planning.unit_header import parse_header
from tests.builders import a_project, a_service, a_snapshot, an_inventory

ODD = ("sh", "-c", "echo $HOME; 'a  b' \\ %n", "")


def run(script: str, folder: Path, docker: str, *, main_pid: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a script with a docker of our own, which writes down the words it is called with."""
    program = folder / "docker"
    program.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" >>{folder}/said\n{docker}\n")
    program.chmod(0o755)
    (folder / "cid").write_text("c1\n")
    text = script.replace("/usr/bin/docker", str(program)).replace("CID", str(folder / "cid"))
    environment = {**os.environ, "MAINPID": str(main_pid or os.getpid())}
    return subprocess.run(
        ["/bin/sh", "-c", text], env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def begun(service: Service) -> str:
    return post_start_script(service, "CID", "echo removed")


def test_a_command_gets_its_very_words_in_the_container(tmp_path: Path) -> None:
    service = a_service(post_start=(ServiceHook(ODD, "1000:33", "/srv", privileged=True),))

    done = run(begun(service), tmp_path, 'case "$1" in inspect) echo true ;; esac')

    said = (tmp_path / "said").read_text().split("\n")
    assert done.returncode == 0
    assert said[said.index("exec") :][:6] == [
        "exec",
        "--user=1000:33",
        "--workdir=/srv",
        "--privileged",
        "c1",
        "sh",
    ]
    assert "echo $HOME; 'a  b' \\ %n" in said


def test_a_command_that_fails_ends_the_start_and_takes_the_container_away(tmp_path: Path) -> None:
    service = a_service(post_start=(ServiceHook(("false",)), ServiceHook(("never",))))

    done = run(begun(service), tmp_path, 'case "$1" in inspect) echo true ;; exec) exit 3 ;; esac')

    assert (done.returncode, done.stdout, done.stderr) == (1, "removed\n", "a post_start command failed\n")
    assert "never" not in (tmp_path / "said").read_text()


def test_a_container_that_is_gone_is_not_waited_for(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait(timeout=10)
    service = a_service(post_start=(ServiceHook(("true",)),))

    done = run(
        begun(service),
        tmp_path,
        'case "$1" in inspect) echo false ;; exec) exit 1 ;; esac',
        main_pid=ended.pid,
    )

    assert (done.returncode, done.stdout) == (1, "removed\n")


def test_what_fails_before_the_stop_stops_nothing(tmp_path: Path) -> None:
    service = a_service(pre_stop=(ServiceHook(("a",)), ServiceHook(("b",))), stop_grace_period_s=7.0)

    done = run(f"{pre_stop_script(service, 'CID')}echo stopped", tmp_path, "exit 1")

    assert (done.returncode, done.stdout) == (0, "stopped\n")
    assert (tmp_path / "said").read_text().split() == ["exec", "c1", "a", "exec", "c1", "b"]


def test_a_service_without_commands_has_no_lines_for_them() -> None:
    assert (begun(a_service()), pre_stop_script(a_service(), "CID"), start_s(a_service())) == ("", "", 0)


def test_deadlines_know_of_the_commands() -> None:
    hook = ServiceHook(("true",))
    plain, hooked = a_service(), a_service(post_start=(hook, hook), pre_stop=(hook,))

    steps = [
        next(
            step
            for batch in plan_apply(an_inventory(["h1"]), a_project(service), a_snapshot("h1")).batches
            for step in batch.steps
            if isinstance(step, ApplyUnit)
        )
        for service in (plain, hooked)
    ]

    assert steps[1].gate_s - steps[0].gate_s == 30 + 2 * 60 + 10
    assert [getattr(parse_header(step.unit_text), "stop_s", 0) for step in steps] == [10, 20]
