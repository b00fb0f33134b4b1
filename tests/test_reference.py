"""The tables of docs/cli.md are what the commands say, and leave none of them out."""

from __future__ import annotations

from typing import Any

import typer

from clusterctl.cli.app import app
from tests.reference import OPTION_NOTES, PAGE, ROWS, all_verbs, options, reference


def test_the_tables_of_the_command_line_page_are_what_the_commands_say() -> None:
    page = PAGE.read_text("utf-8")

    assert page.count("<!-- made by make docs: ") == 3
    assert page == reference(page), "run: make docs"


def test_a_row_is_there_for_every_verb_and_for_no_other() -> None:
    root: Any = typer.main.get_command(app)

    assert [verb for _, verb, _ in all_verbs(root)] == list(ROWS)


def test_every_note_is_of_an_option_that_is_there() -> None:
    page = PAGE.read_text("utf-8")

    assert [note for note in OPTION_NOTES.values() if note not in page] == []


def test_what_verbs_say_of_an_option_in_the_same_words_is_one_row() -> None:
    root: Any = typer.main.get_command(app)

    table = options(root).splitlines()

    assert [row for row in table if "`--soak " in row] == [
        "| `--soak TIME` | `reboot`, `update` | How long a host must be well before the next one. Default: `10s`. |"
    ]
    assert [row.split(" | ")[:2] for row in table if "`--reason " in row] == [
        ["| `--reason TEXT`", "`cordon`"],
        ["| `--reason TEXT`", "`failover`"],
        ["| `--reason TEXT`", "`lock release`"],
    ]
