"""Strict YAML: what scalars mean, and what is refused (bad-input rows 1 to 6)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import pytest
import yaml as pyyaml

from clusterctl.errors import InputError
from clusterctl.parsing import yaml as strict
from clusterctl.parsing.yaml import parse_yaml
from tests.parsing.tools import mistakes

NO_TOKEN = "not valid YAML: found character that cannot start any token"


def parsing(data: bytes | str) -> Callable[[], object]:
    return lambda: parse_yaml(data, "a.yaml")


@pytest.mark.parametrize(
    ("text", "kind", "data"),
    [
        ("no", "str", "no"),
        ("on", "str", "on"),
        ("Yes", "str", "Yes"),
        ("22:22", "str", "22:22"),
        ("1_000", "str", "1_000"),
        ("2001-01-01", "str", "2001-01-01"),
        ("0b11", "str", "0b11"),
        ("012", "int", 12),
        ("0o14", "int", 12),
        ("0x1F", "int", 31),
        ("-7", "int", -7),
        ("+7", "int", 7),
        ("1.10", "float", 1.1),
        ("1e3", "float", 1000.0),
        (".5", "float", 0.5),
        ("-.inf", "float", -math.inf),
        ("true", "bool", True),
        ("FALSE", "bool", False),
        ("~", "null", None),
        ("null", "null", None),
        ("", "null", None),
        ('"12"', "str", "12"),
        ("!!str 12", "str", "12"),
        ("!!int 12", "int", 12),
        ("٣", "str", "٣"),
    ],
)
def test_a_scalar_means_what_yaml_1_2_says(text: str, kind: str, data: object) -> None:
    """Row 6."""
    value = parse_yaml(f"a: {text}", "a.yaml").get("a")

    assert value is not None
    assert (value.kind, value.data) == (kind, data)


def test_the_source_text_of_a_number_is_kept() -> None:
    value = parse_yaml("a: 1.10", "a.yaml").get("a")

    assert value is not None
    assert value.text == "1.10"


def test_not_a_number_is_a_float() -> None:
    value = parse_yaml("a: .nan", "a.yaml").get("a")

    assert value is not None
    assert isinstance(value.data, float)
    assert math.isnan(value.data)


def test_a_row_of_a_million_digits_is_text() -> None:
    value = parse_yaml("a: " + "1" * 1_000_000, "a.yaml").get("a")

    assert value is not None
    assert value.kind == "str"


def test_values_know_their_lines() -> None:
    value = parse_yaml("a:\n  b: 1\n  c:\n  - 2\n", "a.yaml")

    a = value.get("a")
    assert a is not None
    assert [(entry.key, entry.line, entry.value.line) for entry in a.entries] == [("b", 2, 2), ("c", 3, 4)]


def test_a_utf_8_byte_order_mark_is_dropped() -> None:
    """Row 1."""
    value = parse_yaml(b"\xef\xbb\xbfa: 1\n", "a.yaml")

    assert value.entries[0].key == "a"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "a.yaml: the file is empty"),
        (b"# only a comment\n", "a.yaml: the file is empty"),
        (b"a: b: c\n", "a.yaml:1: not valid YAML: mapping values are not allowed in this context"),
        (b"a: [1\n", "a.yaml:2: not valid YAML: did not find expected ',' or ']'"),
        (b"a: @web\n", f"a.yaml:1: {NO_TOKEN}: put a value that begins with @ in quotes"),
        (b"a:\n\tb: 1\n", f"a.yaml:2: {NO_TOKEN}: indent with spaces, not with tabs"),
        (b"a: 1\nb: \x00\n", "a.yaml:2: the character U+0000 is not allowed; is this a text file?"),
        (b"a: \x1b[31m\n", "a.yaml:1: the character U+001B is not allowed; is this a text file?"),
        ("a: 1\n".encode("utf-16"), "a.yaml: the file is UTF-16; save it as UTF-8"),
        ("a: 1\n".encode("utf-16-be"), "a.yaml:1: the character U+0000 is not allowed; is this a text file?"),
        (b"a: 1\nb: \xff\n", "a.yaml:2: the file is not UTF-8"),
        ("a: \ud800\n", "a.yaml:1: the character U+D800 is not allowed; is this a text file?"),
        (b"a: 1\n---\nb: 2\n", "a.yaml:2: a second document begins here; a file holds one"),
        (b"#" * 10_000_001, "a.yaml: larger than 10 MB"),
    ],
)
def test_a_file_that_cannot_be_read_gives_one_line(data: bytes | str, message: str) -> None:
    """Row 1."""
    assert mistakes(parsing(data)) == [message]


def test_a_key_twice_is_refused_and_both_lines_are_named() -> None:
    """Row 2."""
    assert mistakes(parsing("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n")) == [
        'a.yaml:4: duplicate key "c", first on line 3',
        'a.yaml:5: duplicate key "a", first on line 1',
    ]


def test_an_alias_bomb_is_refused_before_it_is_walked() -> None:
    """Row 3."""
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    start = time.process_time()

    found = mistakes(parsing(bomb))

    assert found == ["a.yaml:7: more than 1000000 values, aliases counted as written out"]
    assert time.process_time() - start < 1


@pytest.mark.parametrize("text", ["[" * 20_000, "{a: " * 20_000, "- " * 20_000])
def test_deep_nesting_is_refused_without_recursion(text: str) -> None:
    """Row 4."""
    assert mistakes(parsing(text)) == ["a.yaml:1: nested more than 100 levels deep"]


def test_aliases_count_towards_the_depth() -> None:
    """Row 4."""
    half = "[" * 60 + "]" * 60

    found = mistakes(parsing(f"a: &a {half}\nb: {'[' * 60}*a{']' * 60}\n"))

    assert found == ["a.yaml:2: nested more than 100 levels deep"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "!!python/object/apply:os.system [id]",
            'the tag "!!python/object/apply:os.system" is not allowed; leave it out',
        ),
        ("!!binary aGk=", 'the tag "!!binary" is not allowed; leave it out'),
        ("!mine x", 'the tag "!mine" is not allowed; leave it out'),
        ("!!int x", '"x" is not what its tag says'),
        ("!!map [1]", "a list is not what its tag says"),
    ],
)
def test_a_tag_outside_the_core_schema_is_refused(text: str, message: str) -> None:
    """Row 5."""
    assert mistakes(parsing(f"a: {text}\n")) == [f"a.yaml:1: {message}"]


def test_a_merge_key_fills_in_what_is_not_said() -> None:
    value = parse_yaml("x: &x {a: 1, b: 2}\ny: &y {a: 3, c: 4}\nz:\n  <<: [*x, *y]\n  b: 5\n", "a.yaml")

    z = value.get("z")
    assert z is not None
    assert {entry.key: entry.value.data for entry in z.entries} == {"a": 1, "b": 5, "c": 4}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &a\n  <<: *a\n", 'a.yaml:2: the alias "a" stands inside what it means: a loop'),
        ("a: &a [*a]\n", 'a.yaml:1: the alias "a" stands inside what it means: a loop'),
        ("a:\n  <<: 3\n", "a.yaml:2: a merge key (<<) takes a mapping or a list of mappings"),
        ("a: *b\n", 'a.yaml:1: no anchor "b" before this line'),
    ],
)
def test_a_merge_or_alias_that_goes_nowhere_is_refused(text: str, message: str) -> None:
    """Row 5."""
    assert message in mistakes(parsing(text))


@pytest.mark.parametrize("text", ["[a]: 1\n", "{a: b}: 1\n", "~: 1\n", "? \n: 1\n"])
def test_a_key_that_is_not_text_is_refused(text: str) -> None:
    assert mistakes(parsing(text)) == ["a.yaml:1: a key must be text"]


def test_beyond_a_hundred_mistakes_they_are_only_counted() -> None:
    text = "".join(f"a: {number}\n" for number in range(151))

    with pytest.raises(InputError) as caught:
        parse_yaml(text, "a.yaml")

    assert caught.value.message == "a.yaml has 150 mistakes"
    assert len(caught.value.mistakes) == 100
    assert caught.value.details == ("and 50 more",)


def test_the_slow_loader_of_pyyaml_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: [1, no, {b: ~}]\nc: &x {d: 'e'}\nf: *x\n"
    fast = parse_yaml(text, "a.yaml")

    monkeypatch.setattr(strict, "_Loader", pyyaml.SafeLoader)

    assert parse_yaml(text, "a.yaml") == fast
