"""The surroundings of every test, and one line for each end-to-end test as it ends."""

from __future__ import annotations

import os
import time

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no failure: nothing is timed here.
settings.register_profile("calm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("calm")
if EXAMPLES := os.environ.get("CLUSTERCTL_EXAMPLES"):  # `make fuzz`: so many for each property
    settings.register_profile(
        "many", max_examples=int(EXAMPLES), deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("many")


class Slow:
    """Says how each test of a lab ended, while the others go on: a run of many minutes is no black box."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._seconds: dict[str, float] = {}

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add the seconds of setup, call and teardown; the last of them is the end."""
        if "e2e" not in report.keywords:
            return
        seconds = self._seconds.get(report.nodeid, 0.0) + report.duration
        self._seconds[report.nodeid] = seconds
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if terminal is None:
            return
        if report.failed:
            terminal.write_line(
                f"{time.strftime('%H:%M:%S')} FAILED in {report.when}: {report.nodeid}", red=True
            )
            terminal.write_line(report.longreprtext)
        if report.when == "teardown":
            terminal.write_line(f"{time.strftime('%H:%M:%S')} {seconds:6.1f} s {report.nodeid}")


def pytest_configure(config: pytest.Config) -> None:
    """Speak in the process that has the terminal: the workers of a parallel run have none.

    How wide the terminal of whoever runs the tests is does not matter to any of them.
    """
    for name in ("COLUMNS", "LINES"):
        os.environ.pop(name, None)
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Slow(config))
