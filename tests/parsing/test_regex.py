"""Regular expressions over host names: they mean what `re` means, and none takes long."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterctl.parsing.regex import Regex
from clusterctl.parsing.words import Unfit

PIECES = st.sampled_from([
    "a", "b", "1", ".", "-", r"\d", r"\w", r"\D", r"\.", "[ab]", "[^a]", "[a-c1]", "(a|b1)", "(?:ab)", "a*", "b+", "1?",
    "(ab)*", "(a|b)+", "a{2}", "b{1,3}", "[ab]{0,2}", "(a*)*", "(a+)+", "|", "$", "a|b",
])  # fmt: skip


@given(st.lists(PIECES, max_size=6).map("".join), st.text("ab1.-", max_size=8))
def test_it_matches_what_re_matches(expression: str, name: str) -> None:
    assert Regex(expression).matches(name) is bool(re.match(expression, name))


@pytest.mark.parametrize(
    "expression", ["(a+)+b", "(a|a)*b", "(a|aa)+$", "(.*)*x", "(a{0,30}){30}b", "(?:a?){30}a{30}b"]
)
def test_what_makes_others_run_for_ever_ends(expression: str) -> None:
    assert Regex(expression).matches("a" * 250 + "-") is False


@given(st.text("ab()[]{}|*+?^$\\.,-1d:", max_size=30))
def test_whatever_is_written_is_a_regex_or_unfit(expression: str) -> None:
    with contextlib.suppress(Unfit):
        assert Regex(expression).matches("ab1") in {True, False}
