"""Lines that show whether they were torn or edited, and values packed into one: for records and plan files.

Each line ends in the digest of what is before it. That is against accidents: who can write a file can seal it too.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import zlib
from typing import Any

from clusterctl.model.intent import Intent
from clusterctl.planning.plain import NotPlainError, from_plain, to_line, to_plain

LARGEST_BYTES = 64 * 1024 * 1024


def seal(line: str) -> str:
    """Return a line with its digest."""
    return f"{line} {digest(line)}"


def unseal(line: str) -> str:
    """Return the line without its digest, or "" where they do not agree."""
    body, _, found = line.rpartition(" ")
    return body if found == digest(body) else ""


def digest(text: str) -> str:
    """Return the sha256 of a text, in hex; what is no UTF-8 in it counts too."""
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


def pack(plain: Any) -> str:
    """Return a plain value as one compressed word."""
    return base64.b64encode(zlib.compress(to_line(plain).encode(), 9)).decode()


def unpack(word: str) -> Any:
    """Return the plain value of a word; raises ValueError."""
    try:
        unpacker = zlib.decompressobj()
        return json.loads(unpacker.decompress(base64.b64decode(word, validate=True), LARGEST_BYTES))
    except (zlib.error, binascii.Error, RecursionError) as error:
        raise ValueError(str(error)) from None


def plain_intent(intent: Intent) -> dict[str, Any]:
    """Return an intent as plain values, with its kind."""
    return {"kind": type(intent).__name__, "intent": to_plain(intent)}


def intent_of(body: Any) -> Intent:
    """Return the intent that `plain_intent` wrote down; raises NotPlainError, KeyError and TypeError."""
    for candidate in Intent.__args__:
        if candidate.__name__ == body["kind"]:
            intent: Intent = from_plain(candidate, body["intent"])
            return intent
    raise NotPlainError(f"no intent is called {body['kind']}")
