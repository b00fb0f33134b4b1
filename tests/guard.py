"""A guard, and where the tests are that notice when one is missing."""

from __future__ import annotations

from dataclasses import dataclass

PLANNING, OPERATIONS = "clusterctl/planning", "clusterctl/operations"
REBOOT, CORDON, STEPS = (f"tests/planning/test_{name}.py" for name in ("reboot", "cordon", "steps"))
REBOOT_HOOKS, REBOOT_NEEDS, REBOOT_RESUMED = (
    f"tests/planning/test_reboot_{name}.py" for name in ("hooks", "needs", "resumed")
)
LIMITS = "tests/planning/test_limits.py"
WAVES = "tests/planning/test_host_waves.py"
CONDUCT = "tests/operations/test_conduct.py"
VERDICTS, FAILOVER = "tests/planning/test_verdicts.py", "tests/planning/test_failover.py"
NIGHTS = "tests/nights/test_nights.py::test_what_is_promised_holds_in_small_nights_and_was_looked_at"
REBALANCE = "tests/planning/test_rebalance.py"
MAKING_ROOM = "tests/planning/test_making_room.py"
SINGLETON = "tests/planning/test_singleton.py"
SECOND_PLACE = "tests/planning/test_second_place.py"
SOAK = "tests/soak/test_rollouts.py::test_what_is_promised_holds_and_was_looked_at"


@dataclass(frozen=True)
class Guard:
    """One guard: where it stands, what is left where it is taken out, and the tests of which one must fail then."""

    name: str
    file: str
    text: str
    without: str
    tests: tuple[str, ...]
