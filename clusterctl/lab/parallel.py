"""The same for many hosts at once: every one is tried, then the first failure is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_WORKERS = 16


def for_each(action: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Return `action` of each item, in their order; raise the first error after all have ended."""
    with ThreadPoolExecutor(_WORKERS) as pool:
        futures = [pool.submit(action, each) for each in items]
    return [each.result() for each in futures]
