"""Functions and files are as short as CONTRIBUTING.md asks for."""

from __future__ import annotations

import statistics

from tests.shape import MOST, ROOT, lengths


def test_a_function_is_counted_without_its_docstring() -> None:
    source = 'def one():\n    """Say.\n\n    More.\n    """\n    a = 1\n    return a\n\ndef two(): pass\n'

    assert list(lengths(source)) == [2, 1]


def test_half_of_all_functions_have_eight_lines_or_fewer_and_no_file_passes_its_limit() -> None:
    sources = [path.read_text("utf-8") for path in (ROOT / "clusterctl").rglob("*.py")]

    assert statistics.median(length for text in sources for length in lengths(text)) <= 8
    assert max(len(text.splitlines()) for text in sources) <= MOST
