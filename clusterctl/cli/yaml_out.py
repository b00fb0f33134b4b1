"""A document as YAML that readers of YAML 1.1 and 1.2 take for the same values as its JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    """Writes no anchors, and quotes text that starts as a number might: YAML 1.2 reads `12e4567` as one."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write everything out in full."""
        del data
        return True


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    plain = value[:1].isalpha() and value.isascii()
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if plain else '"')


_Dumper.add_representer(str, _text)


def to_yaml(document: Mapping[str, Any]) -> str:
    """Return a document of JSON's types as YAML; keys keep their order."""
    return yaml.dump(dict(document), Dumper=_Dumper, sort_keys=False, width=2**31)
