"""A host in a folder: scripts run in a real shell, below a root of their own, with harmless programs."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

from clusterctl.model.report import CommandResult, StepResult
from clusterctl.model.step import Step
from clusterctl.remote.script import build_script, parse_results

NONCE = "0123456789abcdef0123456789abcdef"
BOOT_ID = "11111111-2222-3333-4444-555555555555"
PROGRAMS = ("systemctl", "systemd-analyze", "systemd-run", "journalctl", "docker")


class ShellHost:
    """`program` replaces one of the host's programs; by default they say nothing and succeed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in ("bin", "etc", "units"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        for name in PROGRAMS:
            if not (root / "bin" / name).exists():
                self.program(name, "exit 0")
        self.program("logger", f'shift 3; printf "%s\\n" "$*" >>{shlex.quote(str(root / "journal"))}')
        (root / "boot_id").write_text(f"{BOOT_ID}\n")

    def program(self, name: str, body: str) -> None:
        """Put a program of the host in place."""
        path = self.root / "bin" / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    def run(self, *steps: Step, epoch: int = 0) -> tuple[StepResult, ...]:
        """Run the script of the steps; two minutes at the most."""
        text = self.script(*steps, epoch=epoch)
        done = subprocess.run(
            ["/bin/sh", "-s"], input=text.encode(), capture_output=True, check=False, timeout=120
        )
        return parse_results(steps, CommandResult("h1", done.returncode, done.stdout, done.stderr), NONCE)

    def script(self, *steps: Step, epoch: int = 0) -> str:
        """Return the script, turned to this folder."""
        text = build_script(steps, NONCE, "test", "a test", epoch).text
        for name, old, new in (
            ("UNITS", "/etc/systemd/system", "units"),
            ("ETC", "/etc/clusterctl", "etc"),
            ("KEPT", "/var/lib/clusterctl/previous", "kept"),
            ("RUN", "/run/clusterctl", "run"),
            ("BOOT_ID", "/proc/sys/kernel/random/boot_id", "boot_id"),
        ):
            assert f"\n{name}={old}\n" in text
            text = text.replace(f"\n{name}={old}\n", f"\n{name}={shlex.quote(str(self.root / new))}\n", 1)
        return text.replace("\nPATH=/", f"\nPATH={shlex.quote(str(self.root / 'bin'))}:/", 1)

    def read(self, path: str) -> str:
        """Return a file below the root."""
        return (self.root / path).read_text("utf-8")

    def write(self, path: str, text: str) -> None:
        """Put a file below the root."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, "utf-8")

    def names(self, folder: str) -> list[str]:
        """Return the names in a folder, sorted."""
        return sorted(path.name for path in (self.root / folder).iterdir())
