"""Failures of a host as three words: rung, reason, next step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from clusterctl.model.snapshot import Unreachable
from clusterctl.remote.failure import HostFailure
from clusterctl.remote.target import Target

BY_HAND = "log in by hand and see why: clusterctl ssh web1"


def told(act: Callable[[], object]) -> tuple[str, str, str]:
    """Return rung, reason and next step of the failure that an act ends in."""
    with pytest.raises(HostFailure) as caught:
        act()
    return words(caught.value.unreachable)


def words(answer: Any) -> tuple[str, str, str]:
    """Return rung, reason and next step of a failure."""
    assert isinstance(answer, Unreachable)
    return answer.rung, answer.reason, answer.advice


def at(address: str, port: int = 22) -> Target:
    """Return web1 at an address."""
    return Target("web1", address, port, "ops")
