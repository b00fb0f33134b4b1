"""Looking on from outside, again and again, while a test does something."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import Self


class Watching(ABC):
    """Calls `look` every `every_s` seconds while its block runs.

    A look that raises ends the watching, and the block with that error: nobody must believe that nothing was seen.
    """

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._error: Exception | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=30)
        if self._error and kind is None:
            raise self._error
        assert not self._thread.is_alive(), "the last look did not end within 30 s"

    @abstractmethod
    def look(self) -> None:
        """Look once, and keep what was seen."""

    def _run(self) -> None:
        try:
            while not self._stop.wait(self._every_s):
                self.look()
        except Exception as error:  # noqa: BLE001 - told at the end of the block
            self._error = error
