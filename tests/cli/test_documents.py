from __future__ import annotations

from clusterctl.cli.documents import timestamp


def test_a_moment_is_shown_in_utc() -> None:
    assert timestamp(1_800_000_000) == "2027-01-15T08:00:00Z"
    assert timestamp(None) is None


def test_a_moment_that_no_date_can_name_is_shown_as_the_nearest_one() -> None:
    assert timestamp(999_999_999_999) == "9999-12-31T23:59:59Z"
    assert timestamp(10**5000) == "9999-12-31T23:59:59Z"
    assert timestamp(-(10**12)) == "1970-01-01T00:00:00Z"
