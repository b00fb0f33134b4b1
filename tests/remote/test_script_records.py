"""Markers, records, manifests and the epoch, as the real script leaves them on a host."""

from __future__ import annotations

import stat
import time
from dataclasses import replace
from pathlib import Path

import pytest

from clusterctl.model.plan import (
    ClearMarker,
    RecordRun,
    SetMarker,
    WriteManifest,
)
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
