"""The matrix of Compose keys for the documentation, made from the tables the parser uses."""

from __future__ import annotations

from clusterctl.parsing.compose.keys import SUPPORTED
from clusterctl.parsing.compose.known import NOT_YET, REFUSED


def support_matrix() -> str:
    """Return a Markdown table: key, status (supported, not yet, refused), note."""
    rows = {
        **{key: ("supported", entry.doc) for key, entry in SUPPORTED.items()},
        **dict.fromkeys(NOT_YET, ("not yet", "")),
        **{key: ("refused", note) for key, note in REFUSED.items()},
    }
    lines = [f"| `{key}` | {status} | {note} |" for key, (status, note) in sorted(rows.items())]
    head = ["| key | status | note |", "| --- | --- | --- |"]
    return "\n".join(
        [
            *head,
            *lines,
            "| `x-*` | supported | others are ignored, as Compose does; one that is nearly ours is an error |",
            "",
        ]
    )
