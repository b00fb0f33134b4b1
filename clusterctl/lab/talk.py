"""How the lab talks while it works: one callback, and each phase with its seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Say = Callable[[str], None]


@contextmanager
def phase(say: Say, what: str) -> Iterator[None]:
    """Say `what` when it is done, with the seconds it took."""
    begin = time.monotonic()
    yield
    say(f"{what}: {time.monotonic() - begin:.1f} s")
