"""Large inventories: read in time, or refused (bad-input row 10)."""

from __future__ import annotations

import time

from tests.parsing.tools import inventory, inventory_mistakes


def test_ten_thousand_hosts_are_read_in_time() -> None:
    """Row 10."""
    lines = [
        f"  h{n}: {{address: 10.0.{n // 256}.{n % 256}, labels: {{zone: z{n % 3}}}}}\n" for n in range(10_000)
    ]
    start = time.process_time()

    found = inventory("cluster: big\nhosts:\n" + "".join(lines))

    assert len(found.hosts) == 10_000
    assert time.process_time() - start < 10


def test_a_hundred_thousand_hosts_are_the_most() -> None:
    """Row 10."""
    text = "cluster: big\nhosts:\n  h[1-100000]:\n  g1:\n"

    assert inventory_mistakes(text) == ["inventory.yaml:4: hosts.g1: more than 100000 hosts"]
