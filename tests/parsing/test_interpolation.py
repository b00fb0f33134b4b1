"""Variables in text, as the Compose Specification writes them: each form, set, empty and not set."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterctl.parsing.compose.interpolation import substitute
from clusterctl.parsing.words import Unfit

VARIABLES = {"SET": "value", "EMPTY": "", "DOLLAR": "$SET ${SET} $$", "DIGIT_1": "1"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$SET", "value"),
        ("${SET}", "value"),
        ("a${SET}b$DIGIT_1.c", "avalueb1.c"),
        ("${EMPTY}", ""),
        ("${SET:-other}", "value"),
        ("${EMPTY:-other}", "other"),
        ("${EMPTY-other}", ""),
        ("${MISSING:-other}", "other"),
        ("${MISSING-other}", "other"),
        ("${MISSING:-}", ""),
        ("${SET:+other}", "other"),
        ("${EMPTY:+other}", ""),
        ("${EMPTY+other}", "other"),
        ("${MISSING+other}", ""),
        ("${SET:?needed}", "value"),
        ("${EMPTY?needed}", ""),
        ("${MISSING:-${EMPTY:-${SET}}}", "value"),
        ("${MISSING:-a b:c?d-e}", "a b:c?d-e"),
        ("${MISSING:-$$x}", "$x"),
        ("$$SET $${SET}", "$SET ${SET}"),
        ("{}} no variable", "{}} no variable"),
        ("${MISSING:-$(id)}", None),
        ("${SET:-${MISSING}}", "value"),
        ("$DOLLAR", "$SET ${SET} $$"),
    ],
)
def test_each_form_has_its_value(text: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(Unfit, match=r"a \$ that begins no variable"):
            substitute(text, VARIABLES)
    else:
        assert substitute(text, VARIABLES)[0] == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "$MISSING",
            (
                "variable MISSING is not set; set it in .env, by --env MISSING=VALUE or --env-file, or give a default: "
                "${MISSING:-VALUE}"
            ),
        ),
        (
            "${SETT}",
            (
                'variable SETT is not set; did you mean "SET"?; set it in .env, by --env SETT=VALUE or --env-file, or give '
                "a default: ${SETT:-VALUE}"
            ),
        ),
        ("${MISSING:?give a port}", "variable MISSING is needed: give a port"),
        ("${EMPTY:?}", "variable EMPTY is needed: it is not set"),
        ("${MISSING?for $SET}", "variable MISSING is needed: for value"),
        ("${}", '"${}" is no variable: write $$ for a literal $'),
        ("${A B}", '"${A B}" is no variable: write $$ for a literal $'),
        ("${1A}", '"${1A}" is no variable: write $$ for a literal $'),
        ("${SET", '"${SET" is no variable: write $$ for a literal $'),
        ("${SET:-x", '"${SET:-x" is no variable: write $$ for a literal $'),
        ("${!SET}", '"${!SET}" is no variable: write $$ for a literal $'),
        ("$1", "a $ that begins no variable: write $$ for a literal $"),
        ("costs 5$", "a $ that begins no variable: write $$ for a literal $"),
        ("${A:-" * 21 + "}" * 21, "variables are nested more than 20 deep"),
    ],
)
def test_what_cannot_be_put_in_says_why(text: str, message: str) -> None:
    with pytest.raises(Unfit) as caught:
        substitute(text, VARIABLES)

    assert str(caught.value) == message


def test_a_value_that_grows_without_end_is_refused() -> None:
    with pytest.raises(Unfit, match="longer than 1000000 characters with its variables put in"):
        substitute("$A" * 101, {"A": "x" * 10_000})


@given(st.text(), st.dictionaries(st.from_regex(r"\A[A-Z]{1,3}\Z"), st.text()))
def test_any_text_has_a_value_or_a_reason(text: str, variables: dict[str, str]) -> None:
    try:
        found, used = substitute(text, variables)
    except Unfit:
        assert "$" in text
    else:
        assert used or found == text.replace("$$", "$")


@given(st.text(), st.text(st.characters(exclude_characters="$")))
def test_a_value_is_put_in_once_and_not_looked_at_again(value: str, around: str) -> None:
    assert substitute(f"{around}${{A}}{around}", {"A": value})[0] == f"{around}{value}{around}"
