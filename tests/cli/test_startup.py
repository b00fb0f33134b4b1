"""What a start of the command line loads: CPU time is a promise, counted in modules because clocks are noisy."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import typer

from clusterctl.cli.app import app
from clusterctl.cli.verbs import VERBS
from tests.cli.conftest import Desk

HEAVY = {
    "paramiko", "fabric", "invoke", "cryptography", "docker", "requests", "rich", "yaml", "ClusterShell",
    "pydantic", "prometheus_client", "apprise", "asyncio", "multiprocessing", "http", "ssl",
}  # fmt: skip
EXAMPLES = {"clusterctl.cli.examples"}
COUNT = """\
import sys, os
from clusterctl.cli import app
os._exit = lambda code: None
app.main()
sys.stderr.write("\\n".join(sorted(sys.modules)))
"""


def modules(*words: str) -> set[str]:
    """Return the modules that a command line has loaded at its end, in a process of its own."""
    ran = subprocess.run(
        [sys.executable, "-S", "-c", COUNT, *words],
        check=True,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": os.pathsep.join(sys.path), "LC_ALL": "C.UTF-8"},
    )
    return set(ran.stderr.split())


@pytest.mark.parametrize("words", [("--version",), ("--help",)])
def test_the_version_and_the_help_load_no_verb_and_nothing_heavy(words: tuple[str, ...]) -> None:
    loaded = modules(*words)

    assert sorted(loaded & HEAVY) == []
    assert sorted(name for name in loaded - EXAMPLES if name.startswith("clusterctl.")) == [
        "clusterctl.cli",
        "clusterctl.cli.app",
        "clusterctl.cli.console",
        "clusterctl.cli.deadline",
        "clusterctl.cli.ending",
        "clusterctl.cli.globals",
        "clusterctl.cli.long_text",
        "clusterctl.cli.page",
        "clusterctl.cli.table",
        "clusterctl.cli.usage",
        "clusterctl.cli.verbs",
        "clusterctl.errors",
        "clusterctl.remote",
        "clusterctl.remote.text",
    ]
    assert loaded & EXAMPLES == (EXAMPLES if "--help" in words else set())
    assert len(loaded) < 260


@pytest.mark.parametrize("verb", {file: verb for verb, (file, _) in VERBS.items()}.values())
def test_the_help_of_a_verb_loads_nothing_heavy(verb: str) -> None:
    loaded = modules(verb, "--help")

    assert sorted(loaded & HEAVY) == []


def test_a_verb_that_is_typed_loads_no_other_verb() -> None:
    loaded = modules("doctor", "--help")

    assert "clusterctl.cli.doctor" in loaded
    assert {f"clusterctl.cli.{file}" for file in ("services", "maintenance", "lab")} & loaded == set()


@pytest.mark.parametrize("verb", VERBS)
def test_the_table_of_verbs_says_what_the_verb_says_itself(verb: str) -> None:
    group: typer.core.TyperGroup = typer.main.get_command(app)  # type: ignore[assignment]
    said = group.commands[verb].help or ""

    assert " ".join(said.split("\n\n")[0].split()) == VERBS[verb][1]


def test_a_verb_that_is_nearly_one_is_told_the_right_one(desk: Desk) -> None:
    ran = desk.run("doctr")

    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "error: clusterctl has no verb 'doctr': did you mean doctor?\nnext: clusterctl --help\n"


def test_an_option_that_is_nearly_one_is_told_the_right_one(desk: Desk) -> None:
    ran = desk.run("reboot", "h1", "--per-zones")

    assert (ran.code, ran.out) == (2, "")
    assert (
        ran.err
        == "error: clusterctl reboot has no option --per-zones: did you mean --per-zone?\nnext: clusterctl reboot --help\n"
    )
