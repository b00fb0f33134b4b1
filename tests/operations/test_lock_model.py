"""A model of lock and epoch: whatever is late, lost, killed or frozen, a host takes nothing old after something new (I7).

Operators take the lock of hosts one by one, choose a number above all they saw, write it, and once a majority has
taken it send changes. At any moment a host may let go of any lock: its operator was killed, froze, was cut off, or
the host was booted anew; the operator does not know. Changes are delivered at any time later, in any order. Nothing
in the model proves the lock before a change: that only narrows what can happen, and must not be needed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

NOBODY = -1


@dataclass(frozen=True, slots=True)
class Rules:
    """What is kept; a test leaves one out."""

    hosts: int = 3
    operators: int = 2
    majority: int = 2
    epoch_is_checked: bool = True


@dataclass(frozen=True, slots=True)
class Host:
    """One host: who holds its lock, its epoch, and the newest change it took (epoch, operator)."""

    holder: int = NOBODY
    epoch: int = 0
    newest: tuple[int, int] = (0, NOBODY)


@dataclass(frozen=True, slots=True)
class Operator:
    """What one operator believes: hosts it took, the highest epoch there, its number, and who has taken that."""

    took: frozenset[int] = frozenset()
    saw: int = 0
    number: int = 0
    wrote: frozenset[int] = frozenset()
    sent: bool = False


@dataclass(frozen=True, slots=True)
class World:
    """All hosts and operators, and the changes under way as (epoch, operator, host)."""

    hosts: tuple[Host, ...]
    operators: tuple[Operator, ...]
    under_way: frozenset[tuple[int, int, int]] = frozenset()
    broken: str = ""


def start(rules: Rules) -> World:
    return World((Host(),) * rules.hosts, (Operator(),) * rules.operators)


def successors(world: World, rules: Rules) -> Iterator[World]:
    """Yield every world that one event leads to."""
    yield from lapses(world)
    yield from acts(world, rules)


def lapses(world: World) -> Iterator[World]:
    """Yield what comes of a host that lets go of the lock."""
    for number, host in enumerate(world.hosts):
        if host.holder != NOBODY:
            yield with_host(world, number, replace(host, holder=NOBODY))


def acts(world: World, rules: Rules) -> Iterator[World]:
    """Yield what comes of what an operator does, and of a change that arrives."""
    for who in range(rules.operators):
        yield from moves_of(world, who, rules)
    for change in world.under_way:
        yield delivered(world, change, rules)


def moves_of(world: World, who: int, rules: Rules) -> Iterator[World]:
    me = world.operators[who]
    for number, host in enumerate(world.hosts):
        if not me.number and number not in me.took and host.holder == NOBODY:
            after = with_host(world, number, replace(host, holder=who))
            saw = replace(me, took=me.took | {number}, saw=max(me.saw, host.epoch))
            yield with_operator(after, who, saw)
        if me.number and number not in me.wrote and host.holder == who and me.number > host.epoch:
            after = with_host(world, number, replace(host, epoch=me.number))
            yield with_operator(after, who, replace(me, wrote=me.wrote | {number}))
    if not me.number and len(me.took) >= rules.majority:
        yield with_operator(world, who, replace(me, took=frozenset(), saw=0, number=me.saw + 1))
    if len(me.wrote) >= rules.majority and not me.sent:
        # The promise is about each host by itself, and hosts are alike: the first one stands for all.
        after = with_operator(world, who, replace(me, sent=True))
        yield replace(after, under_way=after.under_way | {(me.number, who, 0)})


def delivered(world: World, change: tuple[int, int, int], rules: Rules) -> World:
    """Let a change arrive: refused where a higher epoch was seen; else taken, and its epoch kept."""
    epoch, who, number = change
    host = world.hosts[number]
    world = replace(world, under_way=world.under_way - {change})
    if rules.epoch_is_checked and epoch < host.epoch:
        return world
    broken = world.broken
    if epoch < host.newest[0]:
        broken = "an older change after a newer one"
    elif epoch == host.newest[0] and who != host.newest[1]:
        broken = "two operators with one number"
    after = replace(host, epoch=max(epoch, host.epoch), newest=max(host.newest, (epoch, who)))
    return replace(with_host(world, number, after), broken=broken)


def with_host(world: World, number: int, host: Host) -> World:
    return replace(world, hosts=(*world.hosts[:number], host, *world.hosts[number + 1 :]))


def with_operator(world: World, who: int, operator: Operator) -> World:
    return replace(world, operators=(*world.operators[:who], operator, *world.operators[who + 1 :]))


def walk(rules: Rules, seed: int) -> World:
    """Follow one random path, where one event in six is a lapse, until it breaks a promise or nothing is left."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    world = start(rules)
    while not world.broken:
        lapsed, acted = list(lapses(world)), list(acts(world, rules))
        if not acted and not lapsed:
            break
        world = chance.choice(lapsed if lapsed and (not acted or chance.random() < 1 / 6) else acted)
    return world


def explore(rules: Rules) -> tuple[int, int, str]:
    """Visit every world that can be; return how many, in how many all have a majority, and what broke first."""
    seen = {start(rules)}
    waiting = list(seen)
    met = 0
    while waiting:
        world = waiting.pop()
        met += all(len(operator.wrote) >= rules.majority for operator in world.operators)
        for after in successors(world, rules):
            if after.broken:
                return len(seen), met, after.broken
            if after not in seen:
                seen.add(after)
                waiting.append(after)
    return len(seen), met, ""


def test_every_order_of_events_of_two_operators_keeps_the_promise() -> None:
    worlds, met, broken = explore(Rules())

    assert broken == ""
    assert (worlds, met) == (12_921, 3_680)


@pytest.mark.parametrize(
    ("rules", "breaks"),
    [
        (Rules(epoch_is_checked=False), "an older change after a newer one"),
        (Rules(majority=1), "two operators with one number"),
    ],
    ids=["without the check of the epoch", "without a majority"],
)
def test_with_one_rule_left_out_the_promise_breaks(rules: Rules, breaks: str) -> None:
    assert explore(rules)[2] == breaks


def test_random_orders_of_three_operators_on_five_hosts_keep_the_promise() -> None:
    rules = Rules(hosts=5, operators=3, majority=3)

    ends = [walk(rules, seed) for seed in range(500)]

    assert {world.broken for world in ends} == {""}
    assert sum(world.hosts[0].newest[0] >= 2 for world in ends) > 50


def test_random_orders_find_what_the_check_of_the_epoch_prevents() -> None:
    rules = Rules(hosts=5, operators=3, majority=3, epoch_is_checked=False)

    assert any(walk(rules, seed).broken == "an older change after a newer one" for seed in range(500))
