"""The journal and the audit in real files: what is in them, who may read them, and what happens when they break."""

from __future__ import annotations

import fcntl
import json
import os
import stat
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clusterctl.errors import JournalError
from clusterctl.model.intent import ApplyIntent
from clusterctl.model.plan import Batch, Plan
from clusterctl.model.report import Report, StepResult
from clusterctl.model.run import RunSummary
from clusterctl.model.step import PullImage
from clusterctl.operations import journal as journal_module
from clusterctl.operations.audit import Audit
from clusterctl.operations.journal import FileJournal, read_journal
from tests.builders import a_project, a_service, an_inventory
from tests.conduct import a_pipeline_for, a_summary
from tests.fake_cluster import FakeCluster

RUN = "20270115-080000-apply-0001"
PULL = PullImage("h1", "registry:5000/web@sha256:1", "new")
BATCH = Batch("pull images", (PULL,))
PLAN = Plan("apply", "shop", (BATCH,))


def a_journal(root: Path) -> FileJournal:
    return FileJournal(root, "prod", lambda: 1_800_000_000.5)


def write_whole(root: Path, summary: RunSummary | None = None) -> None:
    journal = a_journal(root)
    journal.begin(summary or a_summary(), PLAN)
    journal.before(1, BATCH)
    journal.after(1, [StepResult(PULL, "changed")])
    journal.end(summary or a_summary())


def file_of(root: Path, name: str = RUN) -> Path:
    return root / "runs" / "prod" / f"{name}.jsonl"


def kinds(root: Path, run: str = RUN) -> list[str]:
    return [entry["kind"] for entry in read_journal(root, "prod", run)]


def apply(cluster: FakeCluster, root: Path) -> Report | None:
    """Apply a project with a secret, with a journal."""
    service = a_service(environment={"TOKEN": "s3cret"}, replicas=2)
    pipeline = a_pipeline_for(cluster, ApplyIntent(a_project(service)))
    return replace(pipeline, journal=FileJournal(root, "test")).carry_out(lambda _: True, lambda: "")


def test_a_run_is_in_the_journal_from_begin_to_end(tmp_path: Path) -> None:
    write_whole(tmp_path)

    assert kinds(tmp_path) == ["begin", "before", "after", "end"]
    assert {entry["at_s"] for entry in read_journal(tmp_path, "prod", RUN)} == {1_800_000_000}


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        write_whole(tmp_path / "state")
    finally:
        os.umask(old)

    paths = {path: stat.S_IMODE(path.stat().st_mode) for path in sorted((tmp_path / "state").rglob("*"))}
    assert paths == {
        tmp_path / "state/audit.jsonl": 0o600,
        tmp_path / "state/runs": 0o700,
        tmp_path / "state/runs/prod": 0o700,
        file_of(tmp_path / "state"): 0o600,
    }


def test_a_folder_that_others_could_read_is_closed(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir(mode=0o755)

    write_whole(tmp_path)

    assert stat.S_IMODE((tmp_path / "runs").stat().st_mode) == 0o700


def test_each_line_is_on_the_disk_before_the_call_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.fstat(fd).st_size))
    journal = a_journal(tmp_path)
    journal.begin(a_summary(), PLAN)
    before = len(synced)

    journal.before(1, BATCH)

    assert synced[before:] == [file_of(tmp_path).stat().st_size]


def test_a_link_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "runs").symlink_to(elsewhere)

    with pytest.raises(JournalError) as caught:
        a_journal(tmp_path).begin(a_summary(), PLAN)

    assert caught.value.message.startswith(f"cannot use the folder {tmp_path}/runs: ")
    assert list(elsewhere.iterdir()) == []


def test_a_link_in_place_of_the_audit_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("mine\n")
    (tmp_path / "audit.jsonl").symlink_to(target)

    with pytest.raises(JournalError, match=r"audit\.jsonl"):
        write_whole(tmp_path)

    assert target.read_text() == "mine\n"


@pytest.mark.parametrize("run", ["../x", "a/b", "", "..", "x\n"])
def test_a_run_that_cannot_be_a_file_is_refused(tmp_path: Path, run: str) -> None:
    with pytest.raises(JournalError, match="cannot be the name of a journal"):
        a_journal(tmp_path).begin(RunSummary(run, "apply", "shop", "", "ops", 0), PLAN)


def test_a_run_that_is_resumed_here_gets_a_second_part_and_is_read_as_one(tmp_path: Path) -> None:
    write_whole(tmp_path)
    write_whole(tmp_path)

    assert kinds(tmp_path) == ["begin", "before", "after", "end"] * 2
    assert file_of(tmp_path, f"{RUN}.2").exists()


def test_the_newest_journals_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "KEPT", 2)
    names = [f"2027011{day}-080000-apply-0001" for day in (1, 2, 3)]

    for name in names:
        write_whole(tmp_path, RunSummary(name, "apply", "shop", "", "ops", 0))

    assert sorted(path.stem for path in (tmp_path / "runs/prod").iterdir()) == names[1:]


def test_other_files_in_the_folder_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_whole(tmp_path)
    (tmp_path / "runs/prod/notes.txt").write_text("mine")
    monkeypatch.setattr(journal_module, "KEPT", 0)

    write_whole(tmp_path)

    assert (tmp_path / "runs/prod/notes.txt").exists()


def test_a_machine_without_a_journal_of_the_run_has_no_entries(tmp_path: Path) -> None:
    assert read_journal(tmp_path, "prod", RUN) == ()
    assert list(tmp_path.iterdir()) == []


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    write_whole(tmp_path)
    path = file_of(tmp_path)
    path.write_bytes(path.read_bytes()[:-10])

    assert kinds(tmp_path) == ["begin", "before", "after"]


def test_a_flipped_bit_refuses_the_journal_and_says_what_to_do(tmp_path: Path) -> None:
    write_whole(tmp_path)
    path = file_of(tmp_path)
    data = bytearray(path.read_bytes())
    data[data.index(b"pull images")] ^= 1
    path.write_bytes(data)

    with pytest.raises(JournalError) as caught:
        read_journal(tmp_path, "prod", RUN)

    assert caught.value.message == f"{path}: line 1 is damaged; the journal is refused"
    assert caught.value.next_step == (
        "nothing depends on it: the hosts are asked what is so. Move it away to be rid of this message."
    )


def test_nothing_is_changed_when_the_journal_cannot_be_begun(tmp_path: Path) -> None:
    cluster = FakeCluster(an_inventory(["h1", "h2"]))
    (tmp_path / "runs").write_text("a file, not a folder")

    with pytest.raises(JournalError) as caught:
        apply(cluster, tmp_path)

    assert cluster.effects == 0
    assert caught.value.message == f"cannot use the folder {tmp_path}/runs: Not a directory"
    assert caught.value.next_step == (
        "make room or mend the rights there, or choose another folder with XDG_STATE_HOME; "
        "then run the same command again."
    )


def test_a_disk_that_fills_in_mid_run_stops_it_and_the_report_says_what_was_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = FakeCluster(an_inventory(["h1", "h2"]))
    real = os.write

    def write(fd: int, data: bytes) -> int:
        if b'"batch":2' in data and b'"kind":"after"' in data:
            raise OSError(28, "No space left on device")
        return real(fd, data)

    monkeypatch.setattr(os, "write", write)

    report = apply(cluster, tmp_path)

    assert report is not None
    assert report.stopped == (
        f"cannot write {tmp_path}/runs/test/{RUN}.jsonl: No space left on device; "
        "nothing is done that cannot be written down"
    )
    assert report.batches_done == 1
    assert [result.status for result in report.results] == ["changed"] * 4
    assert '"state":"stopped"' in cluster.hosts["h1"].runs[RUN]


def test_nothing_is_written_behind_a_line_that_is_torn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, real = a_journal(tmp_path), os.write
    journal.begin(a_summary(), PLAN)

    def tear(fd: int, data: bytes) -> int:
        real(fd, data[:20])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", tear)
        with pytest.raises(JournalError):
            journal.before(1, BATCH)
    with pytest.raises(JournalError, match="No space left on device"):
        journal.end(a_summary())

    assert kinds(tmp_path) == ["begin"]


def test_a_file_that_may_grow_no_further_is_told_by_the_kernel(tmp_path: Path) -> None:
    """A real limit (RLIMIT_FSIZE) in a process of its own: begun, then refused, and readable up to there."""
    code = """
        import resource, sys
        from pathlib import Path
        from clusterctl.errors import JournalError
        from tests.operations.test_journal import BATCH, PLAN, a_journal, a_summary
        journal = a_journal(Path(sys.argv[1]))
        journal.begin(a_summary(), PLAN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))
        try:
            for number in range(1, 10):
                journal.before(number, BATCH)
        except JournalError as error:
            print(error.message)
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert ran.stdout == f"cannot write {file_of(tmp_path)}: File too large\n"
    assert file_of(tmp_path).stat().st_size == 600
    assert kinds(tmp_path)[0] == "begin"


def test_no_secret_of_a_real_run_is_in_any_file(tmp_path: Path) -> None:
    report = apply(FakeCluster(an_inventory(["h1", "h2"])), tmp_path)

    text = "".join(path.read_text() for path in tmp_path.rglob("*.jsonl"))
    assert report is not None
    assert report.ok
    assert "shop-web-2" in text
    assert "s3cret" not in text
    assert "ExecStart" not in text


def test_each_change_of_a_real_run_is_in_the_audit_once(tmp_path: Path) -> None:
    report = apply(FakeCluster(an_inventory(["h1", "h2"])), tmp_path)

    assert report is not None
    changed = [
        (r.step.host, type(r.step).__name__, str(getattr(r.step, "instance", "")))
        for r in report.results
        if r.status == "changed"
    ]
    lines = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert [(line["host"], line["step"], line["instance"]) for line in lines] == changed
    assert {(line["who"], line["cluster"], line["run"]) for line in lines} == {("ops@laptop", "test", RUN)}


def test_the_audit_of_several_runs_is_one_chain(tmp_path: Path) -> None:
    for _ in range(3):
        write_whole(tmp_path)

    assert Audit(tmp_path).check() == ()
    assert len((tmp_path / "audit.jsonl").read_text().splitlines()) == 3


def test_what_was_edited_in_the_audit_is_found(tmp_path: Path) -> None:
    for _ in range(3):
        write_whole(tmp_path)
    path = tmp_path / "audit.jsonl"
    path.write_text(path.read_text().replace("changed", "skipped", 1))

    assert Audit(tmp_path).check() == ("line 2 does not follow line 1: one of them was edited or removed",)


def test_the_journal_names_the_end_of_the_audit_so_that_a_cut_is_found(tmp_path: Path) -> None:
    write_whole(tmp_path)
    write_whole(tmp_path)
    heads = [entry["audit"] for entry in read_journal(tmp_path, "prod", RUN) if entry["kind"] == "after"]
    path = tmp_path / "audit.jsonl"
    path.write_text(path.read_text().splitlines(keepends=True)[0])

    assert Audit(tmp_path).check() == ()
    assert Audit(tmp_path).check(heads) == (f"a line with digest {heads[1][:12]} is missing at the end",)


def test_what_a_crash_left_of_an_audit_line_is_cut_off(tmp_path: Path) -> None:
    write_whole(tmp_path)
    with (tmp_path / "audit.jsonl").open("a") as file:
        file.write('{"before":"12')

    write_whole(tmp_path)

    assert Audit(tmp_path).check() == ()
    assert len((tmp_path / "audit.jsonl").read_text().splitlines()) == 2


def test_two_processes_append_to_one_chain(tmp_path: Path) -> None:
    code = """
        import sys
        from pathlib import Path
        from clusterctl.operations.audit import Audit
        for number in range(30):
            Audit(Path(sys.argv[1])).append([{"number": number}])
    """
    argv: list[Any] = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)]

    processes = [subprocess.Popen(argv) for _ in range(2)]

    assert [process.wait(timeout=60) for process in processes] == [0, 0]
    assert Audit(tmp_path).check() == ()
    assert len((tmp_path / "audit.jsonl").read_text().splitlines()) == 60


def test_an_audit_that_somebody_holds_is_waited_for_only_so_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clusterctl.operations.audit.LOCK_S", 0.1)
    with (tmp_path / "audit.jsonl").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(JournalError) as caught:
            Audit(tmp_path).append([{"a": 1}])

    assert caught.value.message == (
        f"cannot write {tmp_path}/audit.jsonl: another process has held it for 0.1 s"
    )
