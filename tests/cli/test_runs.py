"""resume, abort, history and show as they are typed, and every message they end in, whole."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clusterctl.cli import wiring
from clusterctl.model.snapshot import Unreachable
from clusterctl.planning.runs import runs_of
from tests.cli.conftest import PLAYBOOK, Desk
from tests.conduct import CountingLock


@pytest.fixture(autouse=True)
def _lock(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a lock that numbers the runs, as a real one does: their order does not depend on clocks."""
    del desk  # which has a lock that does not
    lock = CountingLock()
    monkeypatch.setattr(wiring.Workspace, "lock", property(lambda _: lock))


def kill(desk: Desk, after: int, *words: str) -> str:
    """Type a command and die after so many effects; the id of its run."""
    desk.cluster.effects, desk.cluster.crash_after = 0, after
    desk.run(*words)
    desk.cluster.crash_after = None
    return runs_of(desk.cluster.see())[0].id


def states(desk: Desk) -> list[str]:
    return [summary.state for summary in runs_of(desk.cluster.see())]


def images(desk: Desk) -> list[str]:
    tags = {digest: tag for tag, digest in desk.cluster.registry.items()}
    found = [c.image.partition("@")[2] for h in desk.cluster.hosts.values() for c in h.containers.values()]
    return sorted(tags[digest] for digest in found)


def update(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    desk.write("shop.yaml", PLAYBOOK.replace("web:1", "web:2"))


def test_resume_goes_on_with_a_killed_apply_without_its_playbook(desk: Desk) -> None:
    update(desk)
    run = kill(desk, 12, "apply", "shop.yaml", "--yes")
    (desk.folder / "shop.yaml").unlink()

    ran = desk.run("resume", "--yes")

    assert ran.code == 0, ran.err
    assert ran.err.splitlines()[0].startswith(f"resuming run {run}: apply shop, begun by ")
    assert images(desk) == ["registry:5000/web:2"] * 2
    assert states(desk) == ["done", "done"]


def test_abort_takes_a_killed_apply_back(desk: Desk) -> None:
    update(desk)
    run = kill(desk, 12, "apply", "shop.yaml", "--yes")

    ran = desk.run("abort", run, "--yes")

    assert ran.code == 0, ran.err
    assert ran.err.splitlines()[0].startswith(f"aborting run {run}: apply shop, begun by ")
    assert images(desk) == ["registry:5000/web:1"] * 2
    assert states(desk) == ["aborted", "done"]


@pytest.mark.parametrize("verb", ["resume", "abort"])
def test_a_dry_run_shows_the_plan_and_changes_nothing(desk: Desk, verb: str) -> None:
    update(desk)
    kill(desk, 12, "apply", "shop.yaml", "--yes")
    effects = desk.cluster.effects

    ran = desk.run(verb, "--dry-run")

    assert ran.code == 0
    assert "plan: " in ran.out
    assert desk.cluster.effects == effects


@pytest.mark.parametrize("verb", ["resume", "abort"])
def test_nothing_unfinished_is_no_error(desk: Desk, verb: str) -> None:
    desk.run("apply", "shop.yaml", "--yes")

    ran = desk.run(verb)

    assert (ran.code, ran.out) == (0, f"nothing to {verb}: every run has ended\n")


def test_a_run_that_has_ended_is_no_error_either(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    run = runs_of(desk.cluster.see())[0].id

    ran = desk.run("resume", run)

    assert (ran.code, ran.out) == (0, f"nothing to resume: run {run} is done\n")


def test_nothing_to_resume_as_a_document(desk: Desk) -> None:
    ran = desk.run("resume", "-o", "json")

    assert ran.code == 0
    assert json.loads(ran.out)["run"] is None


def test_a_run_that_nobody_knows(desk: Desk) -> None:
    ran = desk.run("resume", "nonsense")

    assert ran.code == 2
    assert ran.err.splitlines() == [
        "error: no run is called 'nonsense' on the lock hosts",
        "next: clusterctl history lists them.",
    ]


def test_history_shows_generations_and_runs_newest_first(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clusterctl.cli.carry.socket.gethostname", lambda: "laptop")
    monkeypatch.setattr("clusterctl.cli.wiring._login_name", lambda: "ops")
    update(desk)
    desk.run("apply", "shop.yaml", "--yes")

    ran = desk.run("history")

    lines = [line.split() for line in ran.out.splitlines()]
    assert ran.code == 0
    assert lines[0] == ["PROJECT", "GENERATION", "INSTANCES", "IMAGES", "KEPT", "ON"]
    assert lines[1] == ["shop", "2", "current", "2", "web", "registry:5000/web:2", "h[1-3]"]
    runs = lines[lines.index([]) + 1 :]
    assert runs[0] == ["STARTED", "VERB", "SUBJECT", "BY", "STATE", "DETAIL", "RUN"]
    assert [row[1:5] for row in runs[1:]] == [["apply", "shop", "ops@laptop", "done"]] * 2


def test_history_as_a_document(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")

    document: dict[str, Any] = json.loads(desk.run("history", "shop", "-o", "json").out)

    assert document["kind"] == "History"
    assert document["generations"] == [
        {
            "project": "shop",
            "generation": 1,
            "current": True,
            "instances": 2,
            "images": {"web": "registry:5000/web:1"},
            "hosts": ["h1", "h2", "h3"],
        }
    ]
    assert [run["state"] for run in document["runs"]] == ["done"]
    assert document["runs"][0]["command"] == "clusterctl apply shop.yaml --yes"


def test_history_of_another_project_is_empty(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")

    ran = desk.run("history", "blog")

    assert (ran.code, ran.out) == (0, "no host remembers anything of blog\n")


def test_history_says_which_hosts_it_did_not_hear(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    desk.cluster.hosts["h2"].unreachable = Unreachable("h2", "connect", "connection refused")

    ran = desk.run("history")

    assert ran.code == 1
    assert ran.err == (
        "h2: connect: connection refused; what it remembers is unknown\n"
        "next: h2: is it up? look at its console, and at the way to it from here\n"
    )


def test_show_tells_each_result_and_no_secret(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    run = runs_of(desk.cluster.see())[0].id

    ran = desk.run("show", run)

    lines = [line.split() for line in ran.out.splitlines()]
    assert ran.code == 0
    assert ["command", "clusterctl", "apply", "shop.yaml", "--yes"] in lines
    assert ["state", "done"] in lines
    assert ["2", "h2", "ApplyUnit", "shop-web-2", "changed"] in lines
    assert "s3cret" not in ran.out + ran.err


def test_show_from_elsewhere_tells_what_the_lock_hosts_know(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = kill(desk, 6, "apply", "shop.yaml", "--yes")
    monkeypatch.setenv("CLUSTERCTL_STATE", str(desk.folder / "another-laptop"))

    ran = desk.run("show", run)

    assert ran.code == 0
    assert ["state", "running"] in [line.split() for line in ran.out.splitlines()]
    assert ran.err.splitlines() == [
        "its results are in the journal of the machine it was done from; this one has none.",
        f"next: clusterctl resume {run}, or clusterctl abort {run}",
    ]
    assert not (desk.folder / "another-laptop").exists()


def test_a_run_that_a_later_one_has_finished_over_is_not_offered(desk: Desk) -> None:
    update(desk)
    run = kill(desk, 12, "apply", "shop.yaml", "--yes")
    desk.run("apply", "shop.yaml", "--yes")

    told, listed, asked = desk.run("show", run), desk.run("history"), desk.run("resume")

    (row,) = [line for line in listed.out.splitlines() if run in line]
    assert "running  a later run has finished over it" in row
    assert told.err == "a later run has finished over it: to resume it would undo that\n"
    assert asked.out == "nothing to resume: every run has ended\n"


def test_show_of_a_damaged_journal_says_so_and_asks_the_hosts(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    run = runs_of(desk.cluster.see())[0].id
    path = desk.folder / "state" / "runs" / "test" / f"{run}.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"pull images"', b'"pull imagez"'))

    ran = desk.run("show", run)

    assert ran.code == 0
    assert ran.err.splitlines()[:2] == [
        f"error: {path}: line 1 is damaged; the journal is refused",
        (
            "next: nothing depends on it: the hosts are asked what is so. "
            "Move it away to be rid of this message."
        ),
    ]
    assert ["state", "done"] in [line.split() for line in ran.out.splitlines()]


def test_show_works_without_any_lock_host_from_the_machine_of_the_run(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    run = runs_of(desk.cluster.see())[0].id
    for name in ("h1", "h2", "h3"):
        desk.cluster.hosts[name].unreachable = Unreachable(name, "connect", "connection refused")

    ran = desk.run("show", run, "-o", "json")

    document = json.loads(ran.out)
    assert ran.code == 1
    assert document["run"]["state"] == "done"
    assert [entry["kind"] for entry in document["journal"]][-1] == "end"
    assert ran.err.splitlines()[0] == "error: what runs there were is unknown: 0 of 3 lock hosts answer"


@pytest.mark.parametrize("run", ["20270115-080000-apply-0001", "../../etc/passwd"])
def test_show_of_what_is_no_run(desk: Desk, run: str) -> None:
    ran = desk.run("show", run)

    assert ran.code == 2
    assert ran.err.splitlines()[-1] == "next: clusterctl history lists them."


def test_an_apply_whose_journal_cannot_be_written_changes_nothing(desk: Desk) -> None:
    (desk.folder / "state").write_text("a file")

    ran = desk.run("apply", "shop.yaml", "--yes")

    assert ran.code == 1
    assert ran.err.splitlines()[-2:] == [
        f"error: cannot make the folder {desk.folder}/state: File exists",
        (
            "next: make room or mend the rights there, or choose another folder with XDG_STATE_HOME; "
            "then run the same command again."
        ),
    ]
    assert desk.cluster.effects == 0
