"""What shells are told to complete: from files of this machine, and by the real shells where they are installed."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from clusterctl.cli.names import recall
from tests.cli.conftest import Desk
from tests.fake_host import FakeHost

FLEET = """\
cluster: test
hosts:
  h[1-2]: {labels: {zone: a}}
  db1: {labels: {zone: b, disk: ssd}}
groups: {front: "h[1-2]"}
"""


@pytest.fixture
def words(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Give a desk with a fleet of two zones and a group, and an empty cache."""
    desk.write("inventory.yaml", FLEET)
    desk.cluster.hosts = {name: FakeHost() for name in ("h1", "h2", "db1")}
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return desk


def told(desk: Desk, line: str) -> list[str]:
    """Return the words that a shell is told, without what they are."""
    return [found.partition("\t")[0] for found in desk.run("completion", "words", line).out.splitlines()]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("clusterctl sta", ["status"]),
        ("clusterctl -o json sta", ["status"]),
        ("clusterctl lock ", ["release", "status"]),
        ("clusterctl nothing ", []),
        ("clusterctl reboot h1 --per", ["--per-zone"]),
        ("clusterctl reboot --de", ["--deadline", "--debug", "--detailed-exitcode"]),
        ("clusterctl -o js", ["json", "jsonl"]),
        ("clusterctl ps --output=y", ["--output=yaml"]),
        ("clusterctl -i ", [":files"]),
        ("clusterctl apply sh", [":files"]),
        ("clusterctl ps h", ["h1", "h2", ":nospace"]),
        ("clusterctl ps d", ["db1", "disk=", ":nospace"]),
        ("clusterctl ps h1,", ["h1,all", "h1,db1", "h1,front", "h1,h2", "h1,disk=", "h1,zone=", ":nospace"]),
        ("clusterctl ps '@front!h", ["@front!h1", "@front!h2", ":nospace"]),
        ("clusterctl ps @", ["@front", ":nospace"]),
        ("clusterctl ps fr", ["front", ":nospace"]),
        ("clusterctl ps front:!h", ["front:!h1", "front:!h2", ":nospace"]),
        ("clusterctl explain d", ["db1", ":files"]),
        ("clusterctl cp site.conf h", ["h1:", "h2:", ":nospace", ":files"]),
        ("clusterctl cp ./", [":files"]),
        ("clusterctl cp h1:/et", [":files"]),
        ("clusterctl ps zone=", ["zone=a", "zone=b", ":nospace"]),
        ("clusterctl ps 'zone=a&disk=", ["zone=a&disk=ssd", ":nospace"]),
        ("clusterctl -H db", ["db1", ":nospace"]),
        ("clusterctl exec h1 -- l", []),
        ("clusterctl completion ", ["bash", "fish", "zsh"]),
    ],
)
def test_a_word_is_completed_by_what_may_stand_there(words: Desk, line: str, found: list[str]) -> None:
    assert told(words, line) == found
    assert words.cluster.looks == []


def test_instances_services_and_projects_are_known_after_a_look(words: Desk) -> None:
    words.run("apply", "shop.yaml", "--yes")
    before = told(words, "clusterctl move shop")
    words.run("ps")

    looks = len(words.cluster.looks)

    assert before == []
    assert told(words, "clusterctl move shop") == ["shop-web-1", "shop-web-2"]
    assert told(words, "clusterctl restart ") == ["shop/web"]
    assert told(words, "clusterctl delete ") == ["shop"]
    assert told(words, "clusterctl logs shop") == ["shop", "shop-web-1", "shop-web-2", "shop/web", ":files"]
    assert len(words.cluster.looks) == looks


def test_runs_are_known_after_the_history(words: Desk) -> None:
    words.run("apply", "shop.yaml", "--yes")
    words.run("history")

    (run,) = told(words, "clusterctl show ")

    assert words.run("show", run).code == 0


def test_a_changed_inventory_is_read_anew(words: Desk) -> None:
    words.run("ps")
    words.write("inventory.yaml", FLEET.replace("db1", "mail1"))

    assert told(words, "clusterctl ps m") == ["mail1", ":nospace"]


def test_programs_of_an_inventory_are_not_run(words: Desk, tmp_path: Path) -> None:
    (tmp_path / "source").write_text("#!/bin/sh\ntouch ran\n")
    (tmp_path / "source").chmod(0o755)
    words.write("inventory.yaml", FLEET + "sources: [{ansible: ./source}]\n")

    told(words, "clusterctl ps h")

    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "damage", ["", "{", '{"format": 1}', '{"format": 1, "of": [], "names": {"hosts": 3}}', "[]"]
)
def test_a_damaged_cache_is_as_good_as_none(words: Desk, tmp_path: Path, damage: str) -> None:
    words.run("ps")
    (cache,) = (tmp_path / "cache/clusterctl").iterdir()
    cache.write_text(damage)

    assert recall("inventory.yaml").hosts == ("db1", "h1", "h2")


def test_a_cache_that_cannot_be_written_does_not_stop_a_look(
    words: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))

    assert words.run("ps").code == 0


def test_a_shell_that_is_not_known(words: Desk) -> None:
    ran = words.run("completion", "tcsh")

    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "error: completion: expected bash, zsh or fish, got 'tcsh'\nnext: clusterctl completion --help\n"
    )


@pytest.fixture
def home(words: Desk, tmp_path: Path) -> dict[str, str]:
    """Give the environment of a shell that has the program on its PATH, and the scripts beside it."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/clusterctl"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m clusterctl "$@"\n')
    program.chmod(0o755)
    for shell in ("bash", "zsh", "fish"):
        words.write(f"script.{shell}", words.run("completion", shell).out)
    return {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "HOME": str(tmp_path), "TERM": "dumb",
        "PYTHONPATH": os.pathsep.join(sys.path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "LC_ALL": "C.UTF-8",
    }  # fmt: skip


def completed(shell: list[str], script: str, line: str, env: dict[str, str]) -> str:
    """Type a line and TAB in a real shell on a terminal, and return what the line has become."""
    main, terminal = pty.openpty()
    process = subprocess.Popen(shell, stdin=terminal, stdout=terminal, stderr=terminal, env=env, close_fds=True,
                               start_new_session=True)  # fmt: skip
    os.close(terminal)
    # Ctrl-A goes to the begin of the line: the line is printed, not run.
    closing = "'" if shell[0] == "zsh" and "'" in line else ""  # bash closes it, zsh lets it go on
    prepare = "autoload -Uz compinit; compinit -D; " if shell[0] == "zsh" else ""
    os.write(
        main,
        f"{prepare}. ./{script}\r".encode()
        + f"{line}\t{closing}\x01printf '<%s>\\n' \r".encode()
        + b"exit\r",
    )
    seen = bytearray()
    try:
        while select.select([main], [], [], 30)[0] and (chunk := os.read(main, 4096)):
            seen += chunk
    except OSError:  # the terminal is gone: the shell has ended
        pass
    process.kill()
    process.wait(timeout=30)
    os.close(main)
    lines = seen.decode("utf-8", "replace").replace("\r", "").splitlines()
    return " ".join(found[1:-1] for found in lines if found.startswith("<") and found.endswith(">"))


LINES = [
    ("clusterctl statu", "clusterctl status"),
    ("clusterctl ps @fr", "clusterctl ps @front"),
    ("clusterctl ps h1,d", "clusterctl ps h1,d"),
    ("clusterctl ps h1,db", "clusterctl ps h1,db1"),
    ("clusterctl ps h1,@fr", "clusterctl ps h1,@front"),
    ("clusterctl ps disk=", "clusterctl ps disk=ssd"),
    ("clusterctl ps '@front!db", "clusterctl ps @front!db1"),
    ("clusterctl apply sho", "clusterctl apply shop.yaml"),
    ("clusterctl reboot --per", "clusterctl reboot --per-zone"),
]


@pytest.mark.parametrize(("line", "becomes"), LINES)
@pytest.mark.parametrize(
    ("shell", "options"), [("bash", ["--norc", "--noprofile", "-i"]), ("zsh", ["-f", "-i"])]
)
def test_a_real_shell_completes(
    home: dict[str, str], shell: str, options: list[str], line: str, becomes: str
) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed here")

    found = completed([shell, *options], f"script.{shell}", line, home)

    assert found.rstrip() == becomes


@pytest.mark.parametrize(("line", "becomes"), LINES)
def test_fish_completes(home: dict[str, str], line: str, becomes: str) -> None:
    if not shutil.which("fish"):
        pytest.skip("fish is not installed here")

    ran = subprocess.run(
        ["fish", "--no-config", "-c", 'source script.fish; complete -C "$argv[1]"', line],
        capture_output=True, text=True, check=True, env=home, timeout=60,
    )  # fmt: skip

    words = [found.partition("\t")[0] for found in ran.stdout.splitlines()]
    last = becomes.rsplit(maxsplit=1)[-1]
    assert last in words or any(word.startswith(last) for word in words)
