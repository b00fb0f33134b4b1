"""Env files as Compose reads them."""

from __future__ import annotations

import pytest

from clusterctl.parsing.compose.dotenv import parse_env_file
from tests.parsing.tools import mistakes, playbook

PLAYBOOK = "services: {web: {image: nginx, env_file: [a.env]}}\n"


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("A=", ""),
        ("export A=b", "b"),
        (" A = b ", "b"),
        ("A=b # comment", "b"),
        ("A=b#c", "b#c"),
        ("A=# comment", ""),
        ("A=b=c", "b=c"),
        ("A='b # c' # comment", "b # c"),
        ("A='$b'", "$b"),
        (r"A='it\'s'", "it's"),
        (r"A='b\n'", r"b\n"),
        (r'A="b \"c\" \\ \$d \x"', r'b "c" \ $d \x'),
        ("A=b\r", "b"),
        (r"A=C:\new", r"C:\new"),
        ("A=x\u00a0y", "x\u00a0y"),
    ],
)
def test_a_line_gives_a_value(line: str, value: str) -> None:
    assert list(parse_env_file(f"\ufeff# comment\n\n{line}\n")) == [(3, "A", value)]


def test_every_line_that_cannot_be_taken_is_named_in_its_own_file() -> None:
    text = 'A=1\nB\nC=$X\nD="${X}"\n1E=2\nF="a\nG=\'a\' b\nH="a\\nb"\n=x\nI=a\0b\n'

    found = mistakes(lambda: playbook(PLAYBOOK, files={"a.env": text}))

    variables = "variables are not supported yet; put a value that holds $ in single quotes"
    broken = "the value holds NUL or a line break, which cannot be passed by an env file"
    name = "expected a variable name of letters, digits, '_', '.' or '-', got"
    assert found == [
        "a.env:2: B: has no value; values are not taken from the operator's environment, so write NAME=VALUE",
        f"a.env:3: C: {variables}",
        f"a.env:4: D: {variables}",
        f'a.env:5: 1E: {name} "1E"',
        'a.env:6: F: the quote " is not closed on its line, or text follows it',
        "a.env:7: G: the quote ' is not closed on its line, or text follows it",
        f"a.env:8: H: {broken}",
        f'a.env:9: "": {name} ""',
        f"a.env:10: I: {broken}",
    ]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("../a.env", "it must lie in the playbook's folder or below"),
        ("/etc/passwd", "it must lie in the playbook's folder or below"),
        ("~/a.env", "it must lie in the playbook's folder or below"),
        ("https://example.com/a.env", "it must lie in the playbook's folder or below"),
        ("none.env", 'no file "none.env"'),
        ("[a]", "expected text of one line, got a list"),
    ],
)
def test_an_env_file_outside_or_missing_is_refused(entry: str, message: str) -> None:
    """Row 22."""
    found = mistakes(lambda: playbook(f"services: {{web: {{image: nginx, env_file: [{entry}]}}}}\n"))

    assert found == [f"shop.yaml:1: services.web.env_file[0]: {message}"]
