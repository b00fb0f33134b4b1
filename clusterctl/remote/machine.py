"""The operator's own machine, where timers are installed: its files and its programs. No host of a fleet."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from clusterctl.errors import ClusterctlError
from clusterctl.remote.program import Ended, call

TIMEOUT_S = 60.0


class OwnMachine:
    """What a `Machine` of `operations.timers` is here."""

    def read(self, path: str) -> str | None:
        """Return the text of a file, None where there is none; raises ClusterctlError."""
        try:
            return Path(path).read_text("utf-8", "backslashreplace")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _cannot("read", path, error) from None

    def write(self, path: str, text: str) -> None:
        """Replace a file as a whole, in a folder that is made where it is missing; raises ClusterctlError."""
        place = Path(path)
        temporary = place.with_name(f".{place.name}.clusterctl-tmp")
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(0o644)
            temporary.replace(place)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise _cannot("write", path, error) from None

    def remove(self, path: str) -> None:
        """Remove a file; raises ClusterctlError."""
        try:
            Path(path).unlink(missing_ok=True)
        except OSError as error:
            raise _cannot("remove", path, error) from None

    def call(self, argv: Sequence[str], stdin: str = "") -> Ended:
        """Run a program to its end, a minute at the most."""
        return call(argv, stdin, timeout_s=TIMEOUT_S, env={"LC_ALL": "C"})


def _cannot(what: str, path: str, error: OSError) -> ClusterctlError:
    return ClusterctlError(
        f"cannot {what} {path}: {error.strerror or error}",
        next_step="mend that, then run the same command again.",
    )
