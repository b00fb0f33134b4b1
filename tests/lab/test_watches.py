from __future__ import annotations

import os
from pathlib import Path

import pytest

from clusterctl.lab.watches import ensure_watches, scarce_watches


def test_a_host_that_hangs_where_inotify_is_scarce_says_so() -> None:
    (said,) = scarce_watches("128")

    assert said == (
        "all labs of this machine share 128 inotify instances, a host takes about 9: "
        "fewer hosts, or sysctl fs.inotify.max_user_instances=1024"
    )


def test_where_there_are_many_or_it_is_unknown_nothing_is_said() -> None:
    assert scarce_watches("1024") == []
    assert scarce_watches("") == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may raise the limit (issue 5)")
def test_a_limit_that_is_scarce_is_raised_and_said(tmp_path: Path) -> None:
    limit, said = tmp_path / "max_user_instances", list[str]()
    limit.write_text("128\n")

    ensure_watches(said.append, limit)
    ensure_watches(said.append, limit)

    assert limit.read_text() == "1024\n"
    assert said == [
        "fs.inotify.max_user_instances is 1024 until the next boot, was 128: hosts of labs need them"
    ]


def test_a_limit_that_cannot_be_read_is_left(tmp_path: Path) -> None:
    said = list[str]()

    ensure_watches(said.append, tmp_path / "nowhere")

    assert said == []
