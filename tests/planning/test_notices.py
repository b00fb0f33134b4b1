"""What is news: once when it begins, once a day, once when it is over."""

from __future__ import annotations

from clusterctl.model.health import FleetHealth, HostHealth, Rung, Track, Verdict
from clusterctl.planning.notices import (
    AGAIN_S,
    FLEET,
    HELD,
    HOST,
    Condition,
    Told,
    conditions_of,
    find_news,
    held_conditions,
    scope_of,
    summary_of,
    text_of,
)

SCOPE = {FLEET, HOST}


def fleet(reached: int = 3, **verdicts: Verdict) -> FleetHealth:
    hosts = (
        HostHealth(name, verdict, Rung(), Track(), "" if verdict == "healthy" else "why")
        for name, verdict in verdicts.items()
    )
    return FleetHealth(tuple(hosts), reached)


def tell(
    told: dict[str, Told], found: FleetHealth, now_s: int = 1000
) -> tuple[tuple[str, ...], dict[str, Told]]:
    news = find_news(told, conditions_of(found), scope_of(found), (), now_s)
    return news.lines, dict(news.told)


def test_nothing_is_told_of_a_fleet_that_is_well() -> None:
    assert tell({}, fleet(h1="healthy", h2="healthy")) == ((), {})


def test_the_life_of_a_trouble_is_told_step_by_step() -> None:
    lines, told = [], dict[str, Told]()
    nights: list[Verdict] = ["suspect", "suspect", "lost", "lost", "returning", "healthy", "healthy"]

    for verdict in nights:
        said, told = tell(told, fleet(h1="healthy", h2=verdict))
        lines.append(said)

    assert lines == [
        ("h2 is suspect: why",),
        (),
        ("h2 is lost: why",),
        (),
        ("h2 is returning: why",),
        ("h2 is well again",),
        (),
    ]
    assert told == {}


def test_one_class_of_troubles_is_told_as_one() -> None:
    _, told = tell({}, fleet(h1="suspect", h2="healthy"))

    assert tell(told, fleet(h1="degraded", h2="healthy"))[0] == ()


def test_what_lasts_is_told_again_after_a_day() -> None:
    _, told = tell({}, fleet(h1="lost"), 1000)

    before = tell(told, fleet(h1="lost"), 1000 + AGAIN_S - 1)
    after = tell(told, fleet(h1="lost"), 1000 + AGAIN_S)

    assert before == ((), told)
    assert after == (("h1 is lost: why (still so)",), {"host h1": Told("lost", 1000 + AGAIN_S)})


def test_a_clock_that_was_put_back_delays_the_reminder_by_a_day_at_most() -> None:
    _, told = tell({"host h1": Told("lost", 9_999_999)}, fleet(h1="lost"), 1000)

    assert told == {"host h1": Told("lost", 1000)}


def test_without_a_majority_only_that_is_told_and_hosts_are_neither_well_nor_lost() -> None:
    told = {"host h1": Told("lost", 900)}

    lines, told = tell(told, fleet(1, h1="suspect", h2="suspect", h3="healthy"))

    assert lines == ("only 1 of 3 hosts answer: the network here is more likely at fault",)
    assert told == {"host h1": Told("lost", 900), "fleet": Told("no majority", 1000)}
    assert tell(told, fleet(1, h1="suspect", h2="suspect", h3="healthy"))[0] == ()
    assert tell(told, fleet(3, h1="healthy", h2="healthy", h3="healthy"))[0] == (
        "most hosts answer again",
        "h1 is well again",
    )


def test_a_host_that_left_the_inventory_is_forgotten_without_a_word() -> None:
    assert tell({"host h9": Told("lost", 900)}, fleet(h1="healthy")) == ((), {})


def test_what_was_not_looked_at_stays_as_it_is() -> None:
    told = {"held shop-web-1": Told("held", 900), "run failover": Told("stopped", 900)}

    assert tell(told, fleet(h1="healthy")) == ((), told)


def test_what_is_held_is_told_by_instance_whatever_the_reason_becomes() -> None:
    notes = ["no place: shop-web-1 (h1: 512 MiB free)", "held: shop-db-1 cannot leave: its volume"]
    first = find_news({}, held_conditions(notes), {HELD}, (), 1000)

    second = find_news(first.told, held_conditions([notes[0].replace("512", "511")]), {HELD}, (), 1060)

    assert first.lines == tuple(notes)
    assert second.lines == ("shop-db-1 is not held back any more",)
    assert list(second.told) == ["held shop-web-1"]


def test_a_run_that_works_again_says_so() -> None:
    told = {"run failover": Told("stopped", 900), "run rebalance": Told("stopped", 900)}

    news = find_news(told, (), {"run failover"}, (), 1000)

    assert news.lines == ("failover works again",)
    assert list(news.told) == ["run rebalance"]


def test_actions_are_told_each_time_and_first() -> None:
    condition = Condition("host h3", "lost", "h3 is lost")

    news = [find_news({}, [condition], SCOPE, ["web-1 moved, h1"], 1000) for _ in range(2)]

    assert [each.lines for each in news] == [("web-1 moved, h1", "h3 is lost")] * 2


def test_news_in_one_line_and_in_many() -> None:
    assert summary_of("prod", ("h3 is lost",)) == "prod: h3 is lost"
    assert summary_of("prod", ("h3 is lost", "x", "y")) == "prod: h3 is lost (and 2 more)"
    assert text_of(("a", "b"), "foot") == "a\nb\n\nfoot\n"
    assert text_of(tuple("x" * 60), "foot").splitlines()[49:] == ["x", "and 10 more", "", "foot"]
