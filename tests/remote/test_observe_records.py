"""What a look tells of records, and the epoch it claims, by the real script below a root of its own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from clusterctl.errors import InputError
from clusterctl.model.report import CommandResult
from clusterctl.model.snapshot import HostFacts, LookRequest, Unreachable
from clusterctl.remote.facts import build_look, look_deadline_s, parse_look

NONCE = "d" * 32


@pytest.fixture
def host(tmp_path: Path) -> Path:
    for name, text in {
        "etc/clusterctl/cluster": "shop\n",
        "etc/clusterctl/runs/r1.json": '{"run":1}\nQUJD\n',
        "etc/clusterctl/runs/r2.json": '{"run":2}\nREVG\n',
        "etc/clusterctl/history/shop@1.json": '{"generation":1}\n',
        "etc/clusterctl/history/shop@2.json": '{"generation":2}\n',
        "run/.keep": "",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def ask(host: Path, request: LookRequest, cluster: str = "shop") -> HostFacts | Unreachable:
    script = build_look(request, NONCE, cluster)
    for path in ("/etc/clusterctl", "/run/clusterctl", "/run/reboot-required", "/var/run/reboot-required"):
        script = script.replace(f" {path}", f" {host}{path}").replace(f">{path}", f">{host}{path}")
        script = script.replace(f"={path}", f"={host}{path}").replace(f"<{path}", f"<{host}{path}")
    done = subprocess.run(["sh", "-s"], input=script.encode(), capture_output=True, check=False, timeout=60)
    return parse_look("h1", "a", CommandResult("h1", done.returncode, done.stdout, done.stderr), NONCE)


def look(host: Path, request: LookRequest | None = None, cluster: str = "shop") -> HostFacts:
    found = ask(host, request or LookRequest(), cluster)
    assert isinstance(found, HostFacts), found
    return found


def epoch_file(host: Path) -> Path:
    return host / "etc/clusterctl/epoch"


def test_of_a_run_a_look_tells_the_first_line_and_all_of_the_one_asked_for(host: Path) -> None:
    assert look(host).runs == {"r1": '{"run":1}\n', "r2": '{"run":2}\n'}
    assert look(host, LookRequest(run="r2")).runs == {"r1": '{"run":1}\n', "r2": '{"run":2}\nREVG\n'}


def test_older_manifests_are_told_when_asked_for(host: Path) -> None:
    assert look(host).history == {}
    assert look(host, LookRequest(history=True)).history == {
        "shop@1": '{"generation":1}\n',
        "shop@2": '{"generation":2}\n',
    }


def test_a_look_that_claims_nothing_changes_nothing(host: Path) -> None:
    found = look(host)

    assert found.epoch == 0
    assert not epoch_file(host).exists()
    assert [path.name for path in (host / "run").iterdir()] == [".keep"]


@pytest.mark.parametrize(
    ("before", "claim", "after"), [("", 3, 3), ("2\n", 3, 3), ("3\n", 3, 3), ("7\n", 3, 7)]
)
def test_the_highest_epoch_stays_and_is_told(host: Path, before: str, claim: int, after: int) -> None:
    if before:
        epoch_file(host).write_text(before)

    found = look(host, LookRequest(claim_epoch=claim))

    assert found.epoch == after
    assert epoch_file(host).read_text() == f"{after}\n"
    assert not (host / "etc/clusterctl/.epoch.clusterctl-tmp").exists()


def test_an_epoch_is_not_claimed_on_a_host_of_another_cluster(host: Path) -> None:
    found = look(host, LookRequest(claim_epoch=3), cluster="other")

    assert found.epoch == 0
    assert not epoch_file(host).exists()


def test_an_epoch_is_claimed_on_a_host_that_belongs_to_nobody_yet(host: Path) -> None:
    (host / "etc/clusterctl/cluster").unlink()

    assert look(host, LookRequest(claim_epoch=3)).epoch == 3


def test_a_claim_waits_for_the_change_under_way(host: Path) -> None:
    (host / "run/clusterctl").mkdir()
    lock = host / "run/clusterctl/lock"
    under_way = ["flock", str(lock), "sh", "-c", "echo begun; sleep 1; echo ended"]

    with subprocess.Popen(under_way, stdout=subprocess.PIPE) as change:
        assert change.stdout
        assert change.stdout.readline() == b"begun\n"
        found = look(host, LookRequest(claim_epoch=3))
        os.set_blocking(change.stdout.fileno(), False)
        said = os.read(change.stdout.fileno(), 100)

    assert found.epoch == 3
    assert said == b"ended\n"


def test_an_epoch_that_cannot_be_written_is_not_told_as_seen(host: Path) -> None:
    (host / "etc/clusterctl/.epoch.clusterctl-tmp").mkdir()

    assert look(host, LookRequest(claim_epoch=3)).epoch == 0


@pytest.mark.parametrize("text", ["seven\n", "-1\n", "", "9" * 40])
def test_an_epoch_that_is_no_number_makes_the_host_unknown_and_is_not_written_over(
    host: Path, text: str
) -> None:
    epoch_file(host).write_text(text)

    found = ask(host, LookRequest(claim_epoch=3))

    assert isinstance(found, Unreachable)
    assert found.reason.startswith("the answer cannot be true: epoch is ")
    assert epoch_file(host).read_text() == text


def test_a_due_reboot_is_told_with_the_packages_that_want_it(host: Path) -> None:
    (host / "run/reboot-required").touch()
    assert look(host).reboot_reasons == ("reboot-required",)

    (host / "run/reboot-required.pkgs").write_text("linux-image-6.1\nlibc6\nlinux-image-6.1\n\x1b[2J\n")
    assert look(host).reboot_reasons == (r"reboot-required: \x1b[2J, libc6, linux-image-6.1",)


def test_without_a_due_reboot_there_is_no_reason(host: Path) -> None:
    assert look(host).reboot_reasons == ()


@pytest.mark.parametrize("run", ["../etc/shadow", "a b", "$(id)", "-x", "a\nb"])
def test_what_is_no_name_of_a_run_is_never_asked_for(run: str) -> None:
    with pytest.raises(InputError, match="is not the name of a run"):
        build_look(LookRequest(run=run), NONCE)


def test_a_look_that_claims_has_the_time_to_wait_for_two_locks() -> None:
    assert look_deadline_s(LookRequest()) == 45
    assert look_deadline_s(LookRequest(claim_epoch=1, settle_s=10)) == 75
