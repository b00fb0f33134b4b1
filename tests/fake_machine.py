"""A machine in memory: files, a crontab, and as much of systemd as timers need. On a real one: tests/e2e/test_timer.py."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from clusterctl.remote.program import Ended

DONE = Ended(0, "", "")


@dataclass
class FakeMachine:
    """Keeps what it is told; `said` are the systemctl calls that change something."""

    files: dict[str, str] = field(default_factory=dict)
    crontab: str | None = None
    enabled: set[str] = field(default_factory=set)
    active: set[str] = field(default_factory=set)
    services: dict[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    broken: Ended | None = None

    def read(self, path: str) -> str | None:
        """Return the text of a file, None where there is none."""
        return self.files.get(path)

    def write(self, path: str, text: str) -> None:
        """Replace a file."""
        self.files[path] = text

    def remove(self, path: str) -> None:
        """Remove a file."""
        del self.files[path]

    def call(self, argv: Sequence[str], stdin: str = "") -> Ended:
        """Do what the program would do."""
        if self.broken:
            return self.broken
        if argv[0] == "crontab":
            return self._crontab(argv[1], stdin)
        if argv[0] == "systemd-analyze":
            return Ended(1, "", "Failed to parse") if argv[-1] == "someday" else DONE
        words = [word for word in argv[1:] if word not in {"--user", "--no-pager"}]
        return self._systemctl(words[0], words[1:])

    def _crontab(self, word: str, stdin: str) -> Ended:
        if word == "-":
            self.crontab = stdin
            return DONE
        return Ended(1, "", "no crontab for ops") if self.crontab is None else Ended(0, self.crontab, "")

    def _systemctl(self, verb: str, words: list[str]) -> Ended:
        unit = next((word for word in words if not word.startswith("--")), "")
        match verb:
            case "show" if unit.endswith(".timer"):
                state = "enabled" if unit in self.enabled else "disabled"
                return Ended(
                    0,
                    f"UnitFileState={state}\nActiveState={'active' if unit in self.active else 'inactive'}\n",
                    "",
                )
            case "show":
                return Ended(
                    0, self.services.get(unit, "Result=success\nExecMainStartTimestampMonotonic=0\n"), ""
                )
            case "list-timers":
                return Ended(
                    0, json.dumps([{"unit": unit, "last": 1_000_000_000, "next": 1_060_000_000}]), ""
                )
        self.said.append(" ".join([verb, *words]))
        match verb:
            case "enable":
                self.enabled.add(unit)
            case "restart":
                self.active.add(unit)
            case "disable":
                self.enabled.discard(unit)
                self.active.discard(unit)
        return DONE
