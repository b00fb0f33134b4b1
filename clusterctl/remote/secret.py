"""A password: held as long as a run needs it, shown nowhere, tried at most once where it was refused."""

from __future__ import annotations

import threading


class Secret:
    """A password whose text only `reveal` gives; no repr, no comparison, no copy in a message."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._refused: set[tuple[str, int, str]] = set()
        self._lock = threading.Lock()

    def reveal(self) -> str:
        """Return the text, for the one call that sends it."""
        return self._text

    def was_refused(self, where: tuple[str, int, str]) -> bool:
        """Whether it was refused there (address, port, user): a second try might lock the account."""
        with self._lock:
            return where in self._refused

    def refuse(self, where: tuple[str, int, str]) -> None:
        """Note that it was refused there."""
        with self._lock:
            self._refused.add(where)

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> str:
        raise TypeError("a password is not written down")
