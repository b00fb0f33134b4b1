"""A lock host in a folder: shell/lock.sh itself, with its paths moved there, spoken to by a pipe."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from pathlib import Path

from clusterctl.remote.lock import lock_script

NONCE = "d" * 32
CLAIM = '"run":"r1","by":"dev@laptop","command":"clusterctl apply shop.yaml"'


def moved(script: str, root: Path) -> str:
    """Return the script with its folders under `root`, and what stands in for the journal first in its PATH."""
    for folder in ("/run/clusterctl", "/etc/clusterctl"):
        script = script.replace(f"={folder}\n", f"={root}{folder}\n")
    assert f"{root}/etc/clusterctl" in script
    return script.replace("PATH=/usr/local/sbin:", f"PATH={root}/bin:/usr/local/sbin:")


class Holding:
    """One operator's session: `hold` under a shell, line by line."""

    def __init__(self, root: Path, shell: str = "sh", claim: str = CLAIM, silence_s: int = 28) -> None:
        self.process = subprocess.Popen(
            [shell, "-s"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self._read = b""
        self.say(moved(lock_script("hold; exit", {"CLAIM": claim, "SILENCE_S": str(silence_s)}, NONCE), root))
        assert self.hear() == "begin"

    def say(self, text: str) -> None:
        """Send a line."""
        assert self.process.stdin
        self.process.stdin.write(f"{text}\n".encode())
        self.process.stdin.flush()

    def hear(self, within_s: float = 20.0) -> str:
        """Return the next line of its own, "" when there is none in time or the session ended."""
        assert self.process.stdout
        end = time.monotonic() + within_s
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while True:
                line, found, rest = self._read.partition(b"\n")
                if found:
                    self._read = rest
                    if line.startswith(NONCE.encode()):
                        return line.decode().removeprefix(f"{NONCE} ")
                elif not selector.select(max(0.0, end - time.monotonic())):
                    return ""
                elif data := os.read(self.process.stdout.fileno(), 4096):
                    self._read += data
                else:
                    return ""

    def ask(self, order: str) -> str:
        """Send an order and return the answer, without its token."""
        self.say(f"ab {order}")
        return self.hear().removeprefix("ab ")

    def hang_up(self) -> None:
        """End the connection's side that we speak on."""
        assert self.process.stdin
        self.process.stdin.close()

    def await_end(self) -> None:
        """Wait for the shell's end."""
        self.process.wait(20)

    def await_listening(self) -> None:
        """Wait until its child that waits for a line is there, and has let go of the lock it was born with."""
        end = time.monotonic() + 20
        children: list[str] = []
        while not children or Path(f"/proc/{children[0]}/fd/9").exists():
            assert time.monotonic() < end
            asked = ["pgrep", "-P", str(self.process.pid)]
            children = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.split()

    def kill(self) -> None:
        """Kill the shell as `kill -9` does; what it started lives on."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(5)

    def close(self) -> None:
        """End everything."""
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream:
                stream.close()
        self.process.kill()
        self.process.wait(5)


def once(root: Path, call: str, shell: str = "sh", **values: str) -> subprocess.CompletedProcess[bytes]:
    """Run `tell` or `free` to its end."""
    script = moved(lock_script(f"{call} </dev/null", values, NONCE), root)
    return subprocess.run([shell, "-s"], input=script.encode(), capture_output=True, timeout=20, check=False)
