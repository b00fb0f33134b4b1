"""The forms of results: wide, json, jsonl, yaml, name; colour, and tables on terminals that can do little."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from clusterctl.cli.console import choose_form, colour_wanted
from clusterctl.cli.yaml_out import to_yaml
from tests.cli.conftest import Desk


@pytest.mark.parametrize(
    "words", [("hosts",), ("facts", "h1"), ("ps",), ("status",), ("health",), ("plan", "shop.yaml")]
)
def test_yaml_is_the_same_document_as_json(desk: Desk, words: tuple[str, ...]) -> None:
    desk.run("apply", "shop.yaml", "--yes")

    as_yaml = yaml.safe_load(desk.run(*words, "-o", "yaml").out)
    as_json = json.loads(desk.run(*words, "-o", "json").out)

    assert as_yaml == as_json


def test_text_that_yaml_1_2_takes_for_a_number_is_quoted() -> None:
    shown = to_yaml(
        {"a": "12e4567", "b": "0o7", "c": "plain", "d": "no", "e": "", "f": "ä\x1b", "g": [1, None]}
    )

    assert shown == ('a: "12e4567"\nb: "0o7"\nc: plain\nd: \'no\'\ne: ""\nf: "\\xE4\\e"\ng:\n- 1\n- null\n')


@given(
    st.dictionaries(st.text(), st.text() | st.integers() | st.none() | st.booleans() | st.lists(st.text()))
)
def test_any_document_survives_yaml(document: dict[str, object]) -> None:
    assert yaml.safe_load(to_yaml(document)) == document


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (("hosts",), ["h1", "h2", "h3"]),
        (("facts", "h2"), ["h2"]),
        (("ps",), ["shop-web-1", "shop-web-2"]),
        (("status",), ["shop/web"]),
        (("health",), ["h1", "h2", "h3"]),
    ],
)
def test_names_are_one_a_line_and_nothing_else(desk: Desk, words: tuple[str, ...], lines: list[str]) -> None:
    desk.run("apply", "shop.yaml", "--yes")

    ran = desk.run(*words, "-o", "name")

    assert (ran.code, ran.out.splitlines()) == (0, lines)


def test_a_verb_without_names_says_which_have_them(desk: Desk) -> None:
    ran = desk.run("apply", "shop.yaml", "-o", "name")

    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "error: --output: apply has no names to print\n"
        "next: of audit, cp, diff, exec, explain, facts, fence status, health, history, hosts, inventory show, "
        "lock status, ps, status, timer status, update --check only. Nothing was contacted.\n"
    )


def test_wide_has_more_columns(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")

    hosts = desk.run("hosts", "-o", "wide").out.splitlines()[0].split()
    instances = desk.run("ps", "-o", "wide").out.splitlines()[0].split()

    assert hosts[-4:] == ["SYSTEMD", "MARKERS", "MACHINE", "ID"]
    assert instances[-6:] == ["DRIFT", "SERVICE", "GENERATION", "RESTARTS", "PORTS", "DIGEST"]


def test_a_table_is_as_wide_as_columns_says_but_not_with_wide(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "50")

    narrow = desk.run("hosts").out
    wide = desk.run("hosts", "-o", "wide").out

    assert len(narrow.splitlines()) > len(wide.splitlines()) == 4


@pytest.mark.parametrize(
    ("chosen", "environment", "wanted"),
    [
        ("auto", {}, False),
        ("auto", {"FORCE_COLOR": "1"}, True),
        ("auto", {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ("always", {"NO_COLOR": "1"}, True),
        ("always", {"TERM": "dumb"}, True),
        ("never", {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colour_without_a_terminal_is_what_was_asked_for(
    chosen: str, environment: dict[str, str], *, wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    choose_form("table", chosen)

    assert colour_wanted() is wanted


def test_colours_mark_the_head_and_states(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    desk.run("apply", "shop.yaml", "--yes")

    shown = desk.run("ps", "--color", "always").out

    assert shown.startswith("\x1b[1mINSTANCE\x1b[0m    \x1b[1mHOST\x1b[0m")
    assert "\x1b[32mrunning\x1b[0m" in shown


def test_wide_runs_have_epoch_batches_and_command(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")

    lines = desk.run("history", "-o", "wide").out.splitlines()

    assert lines[-2].split()[-3:] == ["EPOCH", "BATCHES", "COMMAND"]
    assert lines[-1].endswith("3/3      clusterctl apply shop.yaml --yes")
