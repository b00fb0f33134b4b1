"""Numbers and durations out of range, as bad-input row 30 has them: exit 2, the whole message, nobody contacted."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Desk

DURATION = "expected a duration such as 1m30s or 500ms, got"
LIMIT = "expected a number of at least 1, or a percentage from above 0% to 100%, got"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("ps --workers 0", "--workers: expected a whole number from 1 to 1000, got 0"),
        ("ps --workers -1", "--workers: expected a whole number from 1 to 1000, got -1"),
        ("ps --workers 1000000", "--workers: expected a whole number from 1 to 1000, got 1000000"),
        ("exec h1 --timeout 0 -- true", "--timeout: expected seconds above 0 and up to 86400, got 0.0"),
        ("exec h1 --timeout -1 -- true", "--timeout: expected seconds above 0 and up to 86400, got -1.0"),
        ("exec h1 --timeout inf -- true", "--timeout: expected seconds above 0 and up to 86400, got inf"),
        ("exec h1 --timeout nan -- true", "--timeout: expected seconds above 0 and up to 86400, got nan"),
        ("logs shop -n -1", "--lines: expected 0 to 1000000, got -1"),
    ],
)
def test_a_number_out_of_range(desk: Desk, words: str, message: str) -> None:
    ran = desk.run(*words.split())

    page = "" if words.startswith("ps") else f"{words.split(maxsplit=1)[0]} "
    assert (ran.code, ran.out, ran.err) == (2, "", f"error: {message}\nnext: clusterctl {page}--help\n")
    assert desk.cluster.looks == []


@pytest.mark.parametrize(
    ("words", "message", "page"),
    [
        ("ps --parallel 0", "clusterctl ps has no option --parallel: did you mean --workers?", "ps "),
        ("ps --workers nan", "--workers: expected a whole number, got 'nan'", ""),
        ("ps --workers 1.5", "--workers: expected a whole number, got '1.5'", ""),
        ("exec h1 --timeout x -- true", "--timeout: expected a number, got 'x'", "exec "),
        ("logs shop -n 1e6", "--lines: expected a whole number, got '1e6'", "logs "),
        ("rebalance --max-moves 0", "--max-moves: expected 1 or more, got '0'", "rebalance "),
        ("drain h1 h2", "too many words: h2; several hosts are one word: web1,web2", "drain "),
        ("apply shop.yaml a b", "too many words: a b", "apply "),
        ("ps -o", "-o: its value is missing", ""),
        ("update h1 --check --undo-after 25h", "--undo-after: expected 1s to 24h, got '25h'", "update "),
        ("update h1 --check --reboot x", "--reboot: expected if-needed, never or always, got 'x'", "update "),
        ("ps --deadline 0", '--deadline: expected 1s or more, got "0"', ""),
        ("ps --deadline inf", f'--deadline: {DURATION} "inf"', ""),
        ("ps --deadline -1s", f'--deadline: {DURATION} "-1s"', ""),
        ("ps --deadline 10", f'--deadline: {DURATION} "10": the unit is missing', ""),
        ("reboot h1 --deadline 0s", '--deadline: expected 1s or more, got "0s"', "reboot "),
        ("reboot h1 --soak nan", f'--soak: {DURATION} "nan"', "reboot "),
        ("failover --period 0", '--period: expected 1s or more, got "0"', "failover "),
        ("health --period 500ms", '--period: expected 1s or more, got "500ms"', "health "),
        ("events --since 99999999999999d", f'--since: {DURATION} "99999999999999d"', "events "),
        ("drain h1 --max-unavailable 0", f'--max-unavailable: {LIMIT} "0"', "drain "),
        ("drain h1 --max-unavailable 101%", f'--max-unavailable: {LIMIT} "101%"', "drain "),
        ("drain h1 --max-unavailable nan", f'--max-unavailable: {LIMIT} "nan"', "drain "),
    ],
)
def test_what_is_no_number_or_no_duration(desk: Desk, words: str, message: str, page: str) -> None:
    ran = desk.run(*words.split())

    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"error: {message}\nnext: clusterctl {page}--help\n"
    assert desk.cluster.looks == []


def test_of_an_option_given_twice_the_last_counts(desk: Desk) -> None:
    first, last = (
        desk.run("ps", "--workers", "3", "--workers", "0"),
        desk.run("ps", "--workers", "0", "--workers", "3"),
    )

    assert first.code == 2
    assert first.err.startswith("error: --workers: expected a whole number from 1 to 1000, got 0\n")
    assert last.code == 0


def test_cp_wants_a_whole_path_on_the_hosts(desk: Desk) -> None:
    """Row 28."""
    for path in ("~root/x", "../x", "/a/../b", "x", "/a\x1b[31m", ""):
        ran = desk.run("cp", "shop.yaml", f"h1:{path}")

        assert ran.code == 2
        assert ran.err.splitlines()[0].endswith(": expected a whole path on the hosts, without '..'")
    assert desk.cluster.looks == []


def test_an_argument_that_is_missing_is_named_with_the_help_of_its_verb(desk: Desk) -> None:
    ran = desk.run("plan")

    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "error: PLAYBOOK is missing\nnext: clusterctl plan --help\n"
