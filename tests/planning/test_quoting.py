from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clusterctl.errors import InputError
from clusterctl.planning.quoting import plain_value, quote_line, quote_word
from tests.planning.exec_line import read_exec_line

words = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
marks = st.text(st.sampled_from("%$'\"\\; \n\r\t{}xun0\uffff\ufdd0"), max_size=12)
many = settings(deadline=None, max_examples=max(300, settings().max_examples))


@pytest.mark.parametrize(
    ("word", "quoted"),
    [
        ("/usr/bin/docker", "/usr/bin/docker"),
        ("--name=shop-web-1", "--name=shop-web-1"),
        ("", '""'),
        ("two words", '"two words"'),
        ("100%", '"100%%"'),
        ("$HOME", '"$$HOME"'),
        ('say "hi"', r'"say \"hi\""'),
        ("back\\slash", r'"back\\slash"'),
        ("a\nExecStart=/bin/evil", r'"a\nExecStart=/bin/evil"'),
        (";", '";"'),
        ("\x1b[31m", r'"\x1b[31m"'),
        ("ünïcode", '"ünïcode"'),
        ("a\uffffb", r'"a\xef\xbf\xbfb"'),
        ("\ufdd0", r'"\xef\xb7\x90"'),
        ("-@:+!", '"-@:+!"'),
    ],
)
def test_a_word_is_quoted_as_systemd_reads_it(word: str, quoted: str) -> None:
    assert quote_word(word) == quoted


def test_a_word_with_nul_is_refused() -> None:
    with pytest.raises(InputError, match="NUL byte") as caught:
        quote_word("a\0b")

    assert caught.value.next_step == "remove it; no program can receive it."


@many
@given(st.lists(words | marks, min_size=1))
def test_systemd_reads_back_the_very_words(argv: list[str]) -> None:
    """Caught: `%` or `$` not doubled, the backslash or the double quote not escaped, `_PLAIN` with a blank."""
    assert read_exec_line(quote_line(argv)) == argv


@many
@given(st.lists(words | marks))
def test_no_line_ever_has_a_second_one(argv: list[str]) -> None:
    line = quote_line(argv)

    assert not any(ord(char) < 0x20 or ord(char) == 0x7F for char in line)


@given(words)
def test_a_description_is_one_line_without_specifiers(value: str) -> None:
    line = plain_value(value)

    assert "\n" not in line
    assert "%" not in line.replace("%%", "")


@pytest.mark.parametrize(
    ("line", "argv"),
    [
        ('/bin/echo one "two two"', ["/bin/echo", "one", "two two"]),
        ("/bin/echo 'two two'  $$FOO", ["/bin/echo", "two two", "$FOO"]),
        (r"/bin/echo a\x20b \"q\" 50%%", ["/bin/echo", "a b", '"q"', "50%"]),
        ('/bin/echo ""', ["/bin/echo", ""]),
        (r"/bin/echo \101\u00fc \xc3\xbc", ["/bin/echo", "Aü", "ü"]),
    ],
)
def test_the_other_reader_follows_the_manual(line: str, argv: list[str]) -> None:
    assert read_exec_line(line) == argv


@pytest.mark.parametrize(
    "line",
    [
        "a $FOO",
        "a %h",
        'a "b',
        "a\nb",
        "a ; b",
        'a "b"c',
        'a b"c',
        "a \\q",
        "a \\",
        "a \\xz1",
        "a \uffff",
        "a \ufdd0",
    ],
)
def test_the_other_reader_refuses_what_would_be_read_otherwise(line: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_exec_line(line)
