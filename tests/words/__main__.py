"""`make fuzz`: hostile words with the real systemd and docker as judges, then the parsers under damaged files.

CLUSTERCTL_CASES (10000) words, half of them through docker; CLUSTERCTL_EXAMPLES (2000) files and answers for each
property; CLUSTERCTL_SEED (0) gives other words. Exit 1 when a word did not arrive as sent, or a property broke.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

from clusterctl import lab
from tests.words.oracle import ask_docker, ask_systemd

LAB = "fuzz"
PROPERTIES = (
    "tests/parsing/test_any_source.py",
    "tests/parsing/test_never_crashes.py",
    "tests/parsing/test_sources_never_crash.py",
    "tests/planning/test_any_playbook.py",
    "tests/planning/test_any_record.py",
    "tests/planning/test_quoting.py",
    "tests/remote/test_any_answer.py",
    "tests/remote/test_frame.py",
    "tests/remote/test_facts.py",
    "tests/remote/test_text.py",
)


def main() -> int:
    """Run both and print the figures."""
    cases, seed = (
        int(os.environ.get(f"CLUSTERCTL_{name}", default))
        for name, default in (("CASES", "10000"), ("SEED", "0"))
    )
    lost = _words(cases, seed)
    broken = _properties(os.environ.get("CLUSTERCTL_EXAMPLES", "2000"))
    return 1 if lost or broken else 0


def _words(cases: int, seed: int) -> int:
    lab.up(LAB, 1, _say)
    try:
        host = lab.host_container(LAB, "h1")
        found = [ask_systemd(host, cases // 2, seed), ask_docker(host, cases // 2, seed + 1)]
    finally:
        lab.down(LAB, _say)
    for heard in found:
        _say(str(heard))
        for line in heard.lost[:20]:
            _say(f"  {line}")
    return sum(len(heard.lost) for heard in found)


def _properties(examples: str) -> int:
    begin = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", "--timeout", "3600", "--session-timeout", "7200"]
    done = subprocess.run(
        [*command, *PROPERTIES], env={**os.environ, "CLUSTERCTL_EXAMPLES": examples}, check=False
    )
    _say(f"parsers: {examples} examples for each property, {time.monotonic() - begin:.0f} s")
    return done.returncode


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
