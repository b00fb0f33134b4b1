from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.remote.sshd import Sshd


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    """Give an SSH server that knows `ops`, and a known_hosts that knows the server."""
    server = Sshd(tmp_path)
    yield server
    server.close()
