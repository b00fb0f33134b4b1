"""Plans, drift, diff and explain on real hosts: what a person does at night with a unit that somebody has edited."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

from clusterctl.planning.manifest import parse_manifest, render_manifest
from tests.e2e.fleet import LabFleet, service, write_playbook

UNITS = "/etc/systemd/system"


def unit(project: str, slot: int = 1) -> str:
    return f"clusterctl-{project}-web-{slot}.service"


def home(fleet: LabFleet, project: str, slot: int = 1) -> str:
    found = fleet.cli("ps", "-o", "json").document["instances"]
    return next(str(item["host"]) for item in found if item["name"] == f"{project}-web-{slot}")


def drift(fleet: LabFleet, project: str) -> list[tuple[str, str]]:
    """Return host and kind of the drift of a project, as `status` tells it."""
    found = fleet.cli("status", "-o", "json").document["drift"]
    return [(one["host"], one["kind"]) for one in found if project in one["words"]]


def without_a_health_check(**extra: Any) -> dict[str, Any]:
    """Return a service without a health check, monitored for a second after it was replaced."""
    made = service(replicas=2, **extra)
    del made["healthcheck"]
    made["deploy"]["update_config"]["monitor"] = "1s"
    return made


def test_explain_agrees_with_what_runs_and_with_a_drain(
    fleet: LabFleet, project: str, tmp_path: Path
) -> None:
    fleet.apply(write_playbook(tmp_path, project, web=service(replicas=2, port=18431)))
    here, there = home(fleet, project, 1), home(fleet, project, 2)

    told = fleet.cli("explain", f"{project}-web-1", "-o", "json").document["instances"][0]
    drained = fleet.cli("explain", here, "-o", "json").document["drain"]

    answers = {answer["host"]: answer for answer in told["hosts"]}
    best = min((answer for answer in told["hosts"] if answer["may"]), key=lambda answer: answer["rank"])
    assert (told["host"], told["runs"]) == (here, True)
    assert answers[there]["reasons"] == [f"port 18431/tcp is taken by {project}-web-2"]
    assert best["rank"] == 1
    moved = next(line for line in drained if line.startswith(f"{project}-web-1 moves to "))
    assert answers[moved.rpartition(" ")[2]]["may"]


def test_an_edited_unit_is_seen_refused_and_written_anew(
    fleet: LabFleet, project: str, tmp_path: Path
) -> None:
    """Its service has no health check: what is monitored then is that the container stays."""
    playbook = write_playbook(tmp_path, project, web=without_a_health_check())
    fleet.apply(playbook)
    host, name = home(fleet, project), unit(project)
    fleet.inside(host, "sed", "-i", "s/RestartSec=5/RestartSec=6/", f"{UNITS}/{name}")

    seen, shown = drift(fleet, project), fleet.cli("diff", f"{project}-web-1", "--detailed-exitcode")
    refused = fleet.cli("apply", str(playbook), "--yes")
    kept = fleet.inside(host, "cat", f"{UNITS}/{name}")
    mended = fleet.cli("apply", str(playbook), "--yes", "--overwrite")

    assert seen == [(host, "edited")]
    assert (shown.code, [line for line in shown.stdout.splitlines()[3:] if line[0] != " "]) == (
        3,
        ["-RestartSec=6", "+RestartSec=5"],
    )
    assert refused.code == 4
    assert f"  {host}  {name} is edited by hand" in refused.stderr.splitlines()
    assert "RestartSec=6" in kept
    assert mended.code == 0, mended.stderr
    assert "RestartSec=5" in fleet.inside(host, "cat", f"{UNITS}/{name}")
    assert drift(fleet, project) == []


def test_a_unit_that_was_emptied_is_not_started_elsewhere(
    fleet: LabFleet, project: str, tmp_path: Path
) -> None:
    """Systemd takes an empty unit for a masked one; its container goes on."""
    playbook = write_playbook(tmp_path, project, web=service(replicas=1))
    fleet.apply(playbook)
    host, name = home(fleet, project), unit(project)
    fleet.inside(host, "sh", "-c", f": >{UNITS}/{name}; systemctl daemon-reload")

    seen = drift(fleet, project)
    refused = fleet.cli("apply", str(playbook), "--yes")
    mended = fleet.cli("apply", str(playbook), "--yes", "--overwrite")

    assert seen == [(host, "cut")]
    assert refused.code == 4
    assert mended.code == 0, mended.stderr
    found = fleet.all_containers(f"{project}-")
    assert {name: item["host"] for name, item in found.items()} == {f"{project}-web-1": host}
    assert drift(fleet, project) == []


def test_a_kept_plan_is_carried_out_or_says_what_has_changed(
    fleet: LabFleet, project: str, tmp_path: Path
) -> None:
    fleet.apply(write_playbook(tmp_path, project, web=service(replicas=1, env={"TOKEN": "old"})))
    changed = write_playbook(tmp_path, project, web=service(replicas=1, env={"TOKEN": "s3cret"}))
    file, host = tmp_path / "kept.plan", home(fleet, project)
    fleet.cli("plan", str(changed), "--out", str(file))
    fleet.inside(host, "systemctl", "stop", unit(project))
    fleet.inside(host, "rm", f"{UNITS}/{unit(project)}")

    refused = fleet.cli("apply", str(file), "--yes")
    fleet.cli("plan", str(changed), "--out", str(file))
    done = fleet.cli("apply", str(file), "--yes")
    again = fleet.cli("apply", str(file), "--yes")

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "s3cret" not in file.read_text()
    assert refused.code == 4
    assert f"  {host}  {unit(project)} is gone" in refused.stderr.splitlines()
    assert (done.code, again.code) == (0, 0), done.stderr
    assert again.stdout.splitlines()[-1] == f"{project}: nothing to change (1 instances)"


def test_what_root_of_one_host_writes_is_told_and_not_followed(
    fleet: LabFleet, project: str, tmp_path: Path
) -> None:
    playbook = write_playbook(tmp_path, project, web=service(replicas=2))
    fleet.apply(playbook)
    liar, file = home(fleet, project), f"/etc/clusterctl/projects/{project}.json"
    honest = parse_manifest(fleet.inside(liar, "cat", file))
    assert honest is not None
    lie = {"web": {**honest.services["web"], "environment": {"LIE": "told"}}}
    fleet.ssh(liar, f"cat >{file}", stdin=render_manifest(replace(honest, generation=9, services=lie)))

    seen = drift(fleet, project)
    scaled = fleet.cli("scale", f"{project}/web=3", "--yes")
    environments = [
        fleet.inside(item["host"], "docker", "inspect", "-f", "{{json .Config.Env}}", name)
        for name, item in fleet.all_containers(f"{project}-").items()
    ]

    assert seen == [(liar, "alone")]
    assert scaled.code == 0, scaled.stderr
    assert len(environments) == 3
    assert not any("LIE" in text for text in environments)
    assert drift(fleet, project) == []
