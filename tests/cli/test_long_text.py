"""Long texts in documents: whatever the bytes, written in pieces they are read back as the text they stand for."""

from __future__ import annotations

import json

import pytest
import yaml

from clusterctl.cli.long_text import LongText, in_parts, text_of
from clusterctl.cli.yaml_out import to_yaml
from clusterctl.remote.text import PIECE_BYTES

EDGES = b"x" * (PIECE_BYTES - 1)


@pytest.mark.parametrize(
    "data",
    [
        EDGES + "é\n".encode() * 3,
        EDGES + b"\xff\xfe\n",
        EDGES + "\U0001f600 \u202e \x85 \x7f \u2028 \ufeff".encode(),
        EDGES + b'\0\x1b[2J\t"quoted" \\x41 {a: b}',
        EDGES + b"\xe2\x82",
    ],
)
def test_a_long_text_is_read_back_as_it_came(data: bytes) -> None:
    body = {"results": [{"stdout": text_of(data), "host": "h1"}], "more": (1, None)}
    text = data.decode("utf-8", "backslashreplace")
    whole = {"results": [{"stdout": text, "host": "h1"}], "more": [1, None]}

    as_json = "".join(in_parts(body, lambda plain: json.dumps(plain, indent=2)))
    as_yaml = "".join(in_parts(body, to_yaml, yaml=True))

    assert as_json == json.dumps(whole, indent=2)
    assert yaml.safe_load(as_yaml) == whole


def test_a_short_text_is_a_text() -> None:
    assert text_of(b"caf\xc3\xa9 \xff") == "café \\xff"
    assert text_of(b"x" * (PIECE_BYTES + 1)) == LongText(b"x" * (PIECE_BYTES + 1))
