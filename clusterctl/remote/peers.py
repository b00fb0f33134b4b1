"""Asking a host what it finds of others, by one script: `shell/peers.sh`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import get_args

from clusterctl.model.health import Opinion, Sign
from clusterctl.model.report import CommandResult
from clusterctl.remote.answer import parse_answer
from clusterctl.remote.frame import FRAME_FUNCTION, Frame, new_nonce
from clusterctl.remote.ssh import Connection, root_shell

# Six seconds for each port, all at once.
PEERS_S = 15.0
MAX_PORTS = 6
_CAP_BYTES = 1024 * 1024
_ADDRESS = re.compile(r"[A-Za-z0-9.:_%-]{1,255}")


@dataclass(frozen=True, slots=True)
class PeerTarget:
    """A host to knock at: its SSH port, and TCP ports of services (the first six)."""

    host: str
    address: str
    port: int
    services: tuple[int, ...] = ()


def ask_peer(connection: Connection, targets: Sequence[PeerTarget]) -> tuple[Opinion, ...]:
    """Return what a host finds of others: one opinion for each. Raises HostFailure."""
    nonce, shell = new_nonce(), root_shell(connection.target.user)
    answer = connection.run(build_peers(targets, nonce), shell, PEERS_S, _CAP_BYTES)
    return parse_opinions(connection.target.host, targets, answer, nonce)


def build_peers(targets: Sequence[PeerTarget], nonce: str) -> str:
    """Return the script; a target whose address is none is left out, so that its sign is unknown."""
    lines = [
        " ".join([each.host, each.address, str(each.port), *map(str, each.services[:MAX_PORTS])])
        for each in targets
        if _ADDRESS.fullmatch(each.address)
    ]
    script = resources.files("clusterctl.remote").joinpath("shell/peers.sh").read_text("ascii")
    listed = "\n".join(lines)
    return f"NONCE={nonce}\nTARGETS={shlex.quote(listed)}\n{FRAME_FUNCTION}{script}"


def parse_opinions(
    peer: str, targets: Sequence[PeerTarget], answer: CommandResult, nonce: str
) -> tuple[Opinion, ...]:
    """Return one opinion for each target; "unknown" for what the answer does not tell."""
    frame = parse_answer(peer, answer, nonce)
    text = frame.sections["signs"].text if isinstance(frame, Frame) and "signs" in frame.sections else ""
    told = dict(line.split(" ", 1) for line in text.splitlines() if " " in line)
    known: dict[str, Sign] = {sign: sign for sign in get_args(Sign)}
    found: dict[str, Sign] = {host: known[word] for host, word in told.items() if word in known}
    return tuple(Opinion(peer, each.host, found.get(each.host, "unknown")) for each in targets)
