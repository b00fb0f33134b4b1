"""Node-set syntax: writing out and folding."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterctl.model.names import natural
from clusterctl.parsing.ranges import expand, fold
from clusterctl.parsing.selector import parse_terms
from clusterctl.parsing.words import Expected, Unfit


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("web", ("web",)),
        ("web[01-03]", ("web01", "web02", "web03")),
        ("web[8-11]", ("web8", "web9", "web10", "web11")),
        ("r[1-2]n[1,3]", ("r1n1", "r1n3", "r2n1", "r2n3")),
        ("web[1-9/4]", ("web1", "web5", "web9")),
        ("10.0.0.[1-2]", ("10.0.0.1", "10.0.0.2")),
        ("fd00::[1-2]", ("fd00::1", "fd00::2")),
    ],
)
def test_a_range_is_written_out_in_order(text: str, names: tuple[str, ...]) -> None:
    assert expand(text) == names


@pytest.mark.parametrize(
    "text",
    [
        "w[",
        "w]",
        "w[]",
        "w[a-b]",
        "w[1-",
        "w[[1]]",
        "w[3-1]",
        "w[1,1]",
        "w[1-3,2]",
        "w[01-5]",
        "w[1-2/0]",
        "w[-1]",
        "w[1 2]",
    ],
)
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises((Expected, Unfit)):
        expand(text)


@pytest.mark.parametrize("text", ["w[1-999999999]", "w[1-1000]x[1-1000]", "w[1-9]" * 20])
def test_a_range_of_too_many_names_is_refused_before_it_is_written_out(text: str) -> None:
    """Row 31, range part."""
    start = time.process_time()

    with pytest.raises(Unfit, match="stands for more than 100000 names"):
        expand(text)

    assert time.process_time() - start < 0.5


@pytest.mark.parametrize(
    ("names", "folded"),
    [
        (["web02", "web01", "web03", "db1"], "db1,web[01-03]"),
        (["web1", "web2", "web4"], "web[1-2,4]"),
        (["web01.b2.net", "web02.b2.net"], "web[01-02].b2.net"),
        (["10.0.0.1", "10.0.0.2", "10.0.1.2"], "10.0.0.[1-2],10.0.1.2"),
        (["localhost"], "localhost"),
        ([], ""),
    ],
)
def test_names_are_folded_to_show(names: list[str], folded: str) -> None:
    assert fold(names) == folded


def test_ten_thousand_unlike_addresses_fold_within_a_second() -> None:
    draw = random.Random(1)  # noqa: S311 - a fixed row of numbers
    names = [".".join(str(draw.randrange(256)) for _ in range(4)) for _ in range(10_000)]
    start = time.process_time()

    fold(names)

    assert time.process_time() - start < 1


@given(st.sets(st.from_regex(r"[a-z]{1,2}(0|[1-9][0-9]?)([a-z.][0-9]{1,2})?", fullmatch=True), max_size=20))
def test_what_is_folded_and_written_out_again_is_the_same(names: set[str]) -> None:
    folded = fold(names)

    again = {name for term in parse_terms(folded) for name in expand(term.text)} if names else set()

    assert again == names


def test_digits_are_ordered_as_numbers() -> None:
    assert sorted(["h10", "h2", "h1", "h01", "a"], key=natural) == ["a", "h01", "h1", "h2", "h10"]
