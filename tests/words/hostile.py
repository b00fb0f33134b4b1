"""Hostile words, the same for the same seed: what systemd, docker, YAML or a shell could read as more than a word."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterator

CLASSICS = (
    *(
        "",
        " ",
        "\t",
        "\n",
        "\r",
        "\r\n",
        "\\",
        "\\\\",
        "a\\",
        "a\\\\",
        "\\n",
        "\\x41",
        "\\;",
        ";",
        ";;",
        "a;b",
        "; ",
    ),
    *(
        "%",
        "%%",
        "%%%",
        "%n",
        "%i",
        "%h",
        "100%",
        "%{x}",
        "$",
        "$$",
        "$$$",
        "$X",
        "${X}",
        "$HOME",
        "${HOME}",
        "$(id)",
        "$1",
    ),
    *(
        "'",
        '"',
        "''",
        '""',
        "'a",
        'a"',
        "a'b'c",
        'a"b"c',
        '"\'"',
        "`id`",
        "|",
        "&& false",
        ">x",
        "*",
        "?",
        "[a]",
        "~",
        "#",
        "# a",
    ),
    *(
        "-",
        "--",
        "-@:+!",
        "-x",
        "@x",
        ":x",
        "+x",
        "!x",
        "!!x",
        "|x",
        "--rm",
        "--privileged",
        "--",
        "--name=x",
        "=",
        "a=b=c",
    ),
    *(
        "[X-Clusterctl]",
        "[Service]",
        "\n[Service]\nExecStart=/bin/false",
        "\nDigest=sha256:0",
        "{{.ID}}",
        "{",
        "}",
        "{}",
    ),
    *(
        "\ufeff",
        "\ufeffa",
        "\u0085",
        "\u2028",
        "\u2029",
        "\u00a0",
        "\u200b",
        "\u202e",
        "\u0301",
        "\U0001f600",
        "\ufffd",
    ),
    *(
        "\ufffe",
        "\uffff",
        "\ufdd0",
        "\ufdef",
        "\U0001fffe",
        "\U0010ffff",
        "a\uffff",
        "\ufdd0b",
        "\x7f",
        "\x80",
        "\x9f",
        "\x1b[31m",
    ),
    *(
        "null",
        "true",
        "1e3",
        "0x10",
        "~",
        "<<",
        "&a",
        "*a",
        "!!str a",
        "? a",
        "- a",
        "a: b",
        "a #b",
        "...",
        "---",
    ),
)
MARKS = "%$'\"\\; \n\r\t{}[]()xun01-@:+!|&#=~*?`<>,."
SPECIAL = "\ufeff\u0085\u2028\u00a0\u200b\u202e\ufffd\ufffe\uffff\ufdd0\U0001fffe\U0010ffff\x01\x1b\x7f\x80"
LONGEST = 4096


def hostile_words(seed: int) -> Iterator[str]:
    """Yield words without end: the classics, each character below U+0100 alone and in the middle, then chance."""
    yield from CLASSICS
    for code in range(1, 0x100):
        yield chr(code)
        yield f"a{chr(code)}b"
    for letter in string.ascii_letters + string.digits:
        yield from (f"%{letter}", f"${letter}", f"\\{letter}", f"a\\{letter}")
    chance = random.Random(seed)  # noqa: S311 - the same words for the same seed
    while True:
        yield chance.choice(_KINDS)(chance)


def _marks(chance: random.Random) -> str:
    return "".join(chance.choices(MARKS, k=chance.randint(1, 16)))


def _specials(chance: random.Random) -> str:
    return "".join(chance.choices(SPECIAL + MARKS, k=chance.randint(1, 10)))


def _anything(chance: random.Random) -> str:
    return "".join(_character(chance) for _ in range(chance.randint(1, 24)))


def _character(chance: random.Random) -> str:
    code = chance.randrange(1, chance.choice((0x80, 0x800, 0x10000, 0x110000)))
    return "\ue000" if 0xD800 <= code < 0xE000 else chr(code)


def _joined(chance: random.Random) -> str:
    return "".join(chance.choices(CLASSICS, k=chance.randint(2, 4)))


def _long(chance: random.Random) -> str:
    letter: str = chance.choice((*MARKS, "a", "\u00e9"))
    return letter * chance.randint(100, LONGEST)


_KINDS: tuple[Callable[[random.Random], str], ...] = (
    (_marks,) * 6 + (_specials,) * 4 + (_anything,) * 5 + (_joined,) * 4 + (_long,)
)
