"""The manual page is what the commands say, and is well formed."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from clusterctl.cli.examples import EXAMPLES
from clusterctl.cli.verbs import VERBS
from tests.manual import PAGE, manual


def test_the_manual_page_is_what_the_commands_say() -> None:
    assert PAGE.read_text("utf-8") == manual(), "run: python -m tests.manual"


def test_every_verb_is_in_the_manual_page() -> None:
    page = PAGE.read_text("utf-8")

    assert [verb for verb in VERBS if rf"\fB{verb}\fR" not in page] == []


def test_every_example_is_in_the_manual_page() -> None:
    page = PAGE.read_text("utf-8").replace(r"\-", "-").replace(r"\(ti", "~")

    assert [
        words for rows in EXAMPLES.values() for _, words in rows if f"clusterctl {words}" not in page
    ] == []


def test_the_manual_page_renders_without_warnings() -> None:
    if not shutil.which("groff"):
        pytest.skip("groff is not installed here")

    ran = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-b", str(PAGE)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    assert "--detailed-exitcode" in ran.stdout.replace("\x1b[1m", "").replace("\x1b[0m", "")
