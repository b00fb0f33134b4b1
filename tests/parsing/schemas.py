"""What tests of both JSON Schemas need: text as JSON has it, whether a schema refuses it, the examples of the documentation."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator

from clusterctl.parsing.yaml import parse_yaml
from clusterctl.parsing.yaml_core import Value

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"```yaml\n(.*?)```", re.DOTALL)


def plain(value: Value) -> Any:
    """Return a value as JSON has it."""
    if value.kind == "map":
        return {entry.key: plain(entry.value) for entry in value.entries}
    return [plain(item) for item in value.items] if value.kind == "list" else value.data


def is_refused(schema: dict[str, Any], text: str) -> bool:
    """Whether a schema refuses a YAML text."""
    return not Draft7Validator(schema).is_valid(plain(parse_yaml(text, "x")))


def examples(pages: Iterable[Path], whole: str) -> list[str]:
    """Return the YAML of pages, as far as a block has a line that begins with `whole`."""
    blocks = [block for page in pages for block in _BLOCK.findall(page.read_text("utf-8"))]
    return [block for block in blocks if re.search(rf"^(?:{whole}):", block, re.MULTILINE)]
