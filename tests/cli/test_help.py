"""The help as a person sees it: whole pages, and what is said to somebody who types something that is not there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer

from clusterctl.cli.app import app
from tests.cli.conftest import Desk


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")


def pages(command: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the command line, every verb and every noun, with what is typed for it."""
    yield path, command
    for name, one in getattr(command, "commands", {}).items():
        yield from pages(one, f"{path} {name}".strip())


PAGES = dict(pages(typer.main.get_command(app)))

DRAIN = """\
Usage: clusterctl drain [OPTIONS] HOSTS

  Cordon hosts and move their instances away, replacements first.

Arguments:
  HOSTS  Which hosts: all, web[01-03], zone=a, @group.

Options:
  --deadline TIME          How long one host may take.  [default: 10m]
  --max-unavailable LIMIT  At most so many hosts out at once: 1, 20%. Default:
                           the policy's.
  --detailed-exitcode      With --dry-run: exit 3 when something would change.
  -h, --help               Show this message and exit.

Examples:
  # empty a host before its power goes
  clusterctl drain web02
  # two at once, where the policy allows one
  clusterctl drain 'web[01-02]' --max-unavailable 2

Options of every verb, such as --dry-run, --yes and -o json: clusterctl --help
"""
LOCK = """\
Usage: clusterctl lock [OPTIONS] VERB [ARGUMENTS]...

  Who holds the right to change the cluster.

Options:
  -h, --help  Show this message and exit.

Verbs:
  status   Show who holds the lock, on each lock host.
  release  End whoever holds the lock.

Examples:
  # who is at work?
  clusterctl lock status
  # its laptop is gone
  clusterctl lock release --force --reason 'laptop is gone'

Options of every verb, such as --dry-run, --yes and -o json: clusterctl --help
"""


def test_the_help_of_a_verb(desk: Desk) -> None:
    ran = desk.run("drain", "--help")

    assert (ran.code, ran.out, ran.err) == (0, DRAIN, "")


def test_the_help_of_a_noun_has_its_verbs_and_the_first_example_of_each(desk: Desk) -> None:
    ran = desk.run("lock", "-h")

    assert (ran.code, ran.out, ran.err) == (0, LOCK, "")


def test_without_a_verb_the_help_is_shown_and_it_is_wrong_usage(desk: Desk) -> None:
    asked = desk.run("--help")

    ran = desk.run()
    below = desk.run("lock")

    assert asked.out.startswith("Usage: clusterctl [OPTIONS] VERB [ARGUMENTS]...\n")
    assert (ran.code, ran.out, ran.err) == (2, "", asked.out)
    assert (below.code, below.out, below.err) == (2, "", LOCK)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("-v", "a verb is missing\nnext: clusterctl --help"),
        ("doctr", "clusterctl has no verb 'doctr': did you mean doctor?\nnext: clusterctl --help"),
        ("deploy shop.yaml", "clusterctl has no verb 'deploy': did you mean apply?\nnext: clusterctl --help"),
        ("help plan", "clusterctl has no verb 'help': did you mean --help?\nnext: clusterctl --help"),
        ("zzz --help", "clusterctl has no verb 'zzz'\nnext: clusterctl --help"),
        (
            "lock stauts",
            "clusterctl lock has no verb 'stauts': did you mean status?\nnext: clusterctl lock --help",
        ),
        (
            "apply shop.yaml --dry-rnu",
            "clusterctl apply has no option --dry-rnu: did you mean --dry-run?\nnext: clusterctl apply --help",
        ),
        (
            "lock status --zzz",
            "clusterctl lock status has no option --zzz\nnext: clusterctl lock status --help",
        ),
        ("fence off", "HOST is missing\nnext: clusterctl fence off --help"),
        ("lab image x", "--version is missing\nnext: clusterctl lab image --help"),
    ],
)
def test_what_is_not_there_is_told_with_the_nearest_that_is(desk: Desk, words: str, message: str) -> None:
    ran = desk.run(*words.split())

    assert (ran.code, ran.out, ran.err) == (2, "", f"error: {message}\n")


def test_help_that_is_the_value_of_an_option_or_of_a_command_is_not_asked_for(desk: Desk) -> None:
    reason = desk.run("cordon", "h1", "--yes", "--reason", "--help")
    command = desk.run("ssh", "h1", "--print", "--", "ls", "--help")

    assert (reason.code, "Usage:" in reason.out) == (0, False)
    assert "reason=--help\n" in desk.cluster.hosts["h1"].markers["cordoned"]
    assert (command.code, "Usage:" in command.out) == (0, False)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_a_terminal_and_shows_no_types_of_python(desk: Desk, path: str) -> None:
    page = desk.run(*path.split(), "--help").out

    assert max(len(line) for line in page.splitlines()) <= 80
    assert [word for word in ("<", "list[") if word in page] == []


@pytest.mark.parametrize("path", PAGES)
def test_every_argument_and_option_says_what_it_is_and_what_it_takes(path: str) -> None:
    params = PAGES[path].params

    assert [one.name for one in params if not one.help] == []
    assert [
        one.name
        for one in params
        if one.param_type_name == "option" and not one.is_flag and one.metavar is None
    ] == []
