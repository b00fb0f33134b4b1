"""Markers, records, manifests and the epoch, as the real script leaves them on a host."""

from __future__ import annotations

import stat
import time
from dataclasses import replace
from pathlib import Path

import pytest

from clusterctl.model.step import ClearMarker, RecordRun, RemoveManifest, SetMarker, WriteManifest
from tests.remote.shell_host import ShellHost

CORDON = SetMarker("h1", "cordoned", "20261122-100000-apply-ab", "ops@laptop", "new disk")
UNCORDON = ClearMarker("h1", "cordoned", "", "done")
RECORD = RecordRun("h1", "20261122-100000-apply-ab", '{"run":1}\nQUJD\n')


@pytest.fixture
def host(tmp_path: Path) -> ShellHost:
    return ShellHost(tmp_path)


def manifest(generation: int, project: str = "shop") -> WriteManifest:
    return WriteManifest("h1", project, generation, f'{{"generation":{generation}}}\n', "", "applied")


def test_a_marker_says_by_whom_for_which_run_why_and_since_when(host: ShellHost) -> None:
    before = int(time.time())

    result = host.run(CORDON)[0]

    lines = host.read("etc/markers/cordoned").splitlines()
    assert result.status == "changed"
    assert lines[:3] == ["by=ops@laptop", "run=20261122-100000-apply-ab", "reason=new disk"]
    assert before <= int(lines[3].removeprefix("since=")) <= time.time()


def test_a_marker_that_is_there_stays_as_it_is(host: ShellHost) -> None:
    host.write("etc/markers/cordoned", "by=sre\nrun=old\n")

    result = host.run(CORDON)[0]

    assert result.status == "unchanged"
    assert host.read("etc/markers/cordoned") == "by=sre\nrun=old\n"


def test_a_marker_of_another_run_is_not_cleared(host: ShellHost) -> None:
    host.run(CORDON)

    other = host.run(replace(UNCORDON, run="20261122T100000Z-a"))[0]
    own = host.run(replace(UNCORDON, run="20261122-100000-apply-ab"))[0]
    again = host.run(UNCORDON)[0]

    assert (other.status, own.status, again.status) == ("unchanged", "changed", "unchanged")
    assert host.names("etc/markers") == []


def test_a_marker_without_a_run_to_match_is_cleared(host: ShellHost) -> None:
    host.write("etc/markers/cordoned", "somebody's words\n")

    assert host.run(UNCORDON)[0].status == "changed"
    assert host.names("etc/markers") == []


def test_the_words_of_a_marker_are_one_line_each(host: ShellHost) -> None:
    host.run(replace(CORDON, reason="a\nrun=forged\n$(id) 'é'"))

    assert "reason=a run=forged $(id) 'é'" in host.read("etc/markers/cordoned").splitlines()


def test_a_record_is_for_root_alone_and_written_once(host: ShellHost) -> None:
    first, again = host.run(RECORD)[0], host.run(RECORD)[0]

    file = host.root / "etc/runs/20261122-100000-apply-ab.json"
    assert (first.status, again.status) == ("changed", "unchanged")
    assert file.read_text() == '{"run":1}\nQUJD\n'
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_twenty_records_of_each_verb_are_kept_and_the_present_one_in_any_case(host: ShellHost) -> None:
    host.write("etc/runs/20261001-100000-reboot-ab.json", "old\n")
    for day in range(10, 32):
        host.write(f"etc/runs/202611{day}-100000-failover-ab.json", "old\n")

    host.run(replace(RECORD, run="20261101-100000-failover-ab"))

    kept = host.names("etc/runs")
    assert kept[:2] == ["20261001-100000-reboot-ab.json", "20261101-100000-failover-ab.json"]
    assert kept[2:] == [f"202611{day}-100000-failover-ab.json" for day in range(12, 32)]


def test_the_three_highest_generations_of_a_project_are_kept(host: ShellHost) -> None:
    host.run(manifest(1, "shop-2"))
    for generation in (2, 9, 10, 11):
        host.run(manifest(generation))

    file = host.root / "etc/history/shop@11.json"
    assert host.names("etc/history") == ["shop-2@1.json", "shop@10.json", "shop@11.json", "shop@9.json"]
    assert file.read_text() == '{"generation":11}\n'
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_project_is_forgotten_with_its_history_and_no_other(host: ShellHost) -> None:
    host.run(manifest(1), manifest(1, "shop-2"), manifest(2))

    host.run(RemoveManifest("h1", "shop", "deleted"))

    assert host.names("etc/projects") == ["shop-2.json"]
    assert host.names("etc/history") == ["shop-2@1.json"]


def test_a_missing_older_manifest_is_written_though_the_present_one_is_the_same(host: ShellHost) -> None:
    host.run(manifest(1))
    (host.root / "etc/history/shop@1.json").unlink()

    assert [host.run(manifest(1))[0].status for _ in range(2)] == ["changed", "unchanged"]


def test_the_highest_epoch_is_remembered(host: ShellHost) -> None:
    host.run(CORDON, epoch=7)

    assert host.read("etc/epoch") == "7\n"


def test_a_stale_operator_changes_nothing(host: ShellHost) -> None:
    host.write("etc/epoch", "7\n")

    result = host.run(CORDON, epoch=5)[0]

    assert (result.status, result.detail) == (
        "failed",
        "refused by the host: stale operator: epoch 5, and 7 was seen here",
    )
    assert host.names("etc/markers") == []
    assert host.read("etc/epoch") == "7\n"


@pytest.mark.parametrize("epoch", [0, 7])
def test_an_epoch_that_claims_nothing_or_is_the_same_passes(host: ShellHost, epoch: int) -> None:
    host.write("etc/epoch", "7\n")

    assert host.run(CORDON, epoch=epoch)[0].status == "changed"
    assert host.read("etc/epoch") == "7\n"


def test_an_epoch_that_is_no_number_is_refused_and_not_taken_for_none(host: ShellHost) -> None:
    host.write("etc/epoch", "seven\n")

    result = host.run(CORDON, epoch=9)[0]

    assert result.detail.endswith("etc/epoch does not hold a number")
    assert host.read("etc/epoch") == "seven\n"


def test_a_host_of_another_cluster_does_not_learn_our_epoch(host: ShellHost) -> None:
    host.write("etc/cluster", "prod\n")

    host.run(CORDON, epoch=9)

    assert "epoch" not in host.names("etc")


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (CORDON, "cannot write {etc}/markers/cordoned: cp: No space left on device"),
        (RECORD, "cannot write {etc}/runs/20261122-100000-apply-ab.json: cp: No space left on device"),
        (manifest(1), "cannot write {etc}/projects/shop.json: cp: No space left on device"),
    ],
    ids=["marker", "record", "manifest"],
)
def test_a_full_disk_is_told_and_leaves_no_half_file(
    host: ShellHost, step: SetMarker | RecordRun | WriteManifest, said: str
) -> None:
    host.write("etc/cluster", "test\n")
    host.program("cp", ': >"$2"; echo "cp: No space left on device" >&2; exit 1')

    result = host.run(step)[0]

    assert (result.status, result.detail) == ("failed", said.format(etc=host.root / "etc"))
    assert [path.name for path in (host.root / "etc").rglob("*") if path.is_file()] == ["cluster"]


def test_an_epoch_that_cannot_be_written_stops_the_script_before_any_step(host: ShellHost) -> None:
    host.program("cp", 'echo "cp: Read-only file system" >&2; exit 1')

    result = host.run(CORDON, epoch=3)[0]

    assert result.detail == "refused by the host: cp: Read-only file system"
    assert host.names("etc/markers") == []


def test_every_change_is_a_line_in_the_hosts_journal(host: ShellHost) -> None:
    host.run(CORDON, RECORD, epoch=12)
    host.run(CORDON, epoch=12)

    assert host.read("journal").splitlines() == [
        "epoch 12, a test: mark cordoned, run 20261122-100000-apply-ab: changed",
        "epoch 12, a test: record run 20261122-100000-apply-ab: changed",
    ]
