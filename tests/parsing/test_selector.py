"""Host selectors (bad-input rows 10 and 31)."""

from __future__ import annotations

import pytest

from clusterctl.errors import InputError
from clusterctl.model.inventory import Inventory
from clusterctl.parsing.selector import fold, select
from tests.parsing.tools import inventory


@pytest.fixture(scope="module")
def fleet() -> Inventory:
    return inventory("""
        cluster: lab
        hosts:
          web[01-10]: {labels: {zone: a}}
          web[11-20]: {labels: {zone: b, role: front}}
          db[1-2]: {labels: {zone: b, role: db}}
        groups:
          dbs: db[1-2]
          empty: []
    """)


@pytest.mark.parametrize(
    ("expression", "folded"),
    [
        ("web01", "web01"),
        ("web[01-03],db1", "db1,web[01-03]"),
        ("web01, db1", "db1,web01"),
        ("web*", "web[01-20]"),
        ("web?5", "web[05,15]"),
        ("*", "db[1-2],web[01-20]"),
        ("all", "db[1-2],web[01-20]"),
        ("@dbs", "db[1-2]"),
        ("zone=a", "web[01-10]"),
        ("zone!=a", "db[1-2],web[11-20]"),
        ("role!=db", "web[01-20]"),
        ("zone=a,role=db", "db[1-2],web[01-10]"),
        ("zone=b&role=db", "db[1-2]"),
        ("web*!web[02-20]", "web01"),
        ("!web*", "db[1-2]"),
        ("web[01-03]^web[03-04]", "web[01-02,04]"),
        ("web01,web02&web02", "web02"),
        ("@empty,db2", "db2"),
        ("dbs", "db[1-2]"),
        ("web01:dbs", "db[1-2],web01"),
        ("all:!dbs:&role=front", "web[11-20]"),
        ("all,!dbs,&role=front", "web[11-20]"),
        ("web*: !web[02-20]", "web01"),
        ("web01:zone=b:&dbs", "db[1-2]"),
        ("zone=a:zone=b", "db[1-2],web[01-20]"),
        ("zone=b:!role=db", "web[11-20]"),
        ("web01:zone!=a", "db[1-2],web[01,11-20]"),
        ("~web0[1-3]", "web[01-03]"),
        ("~^web(01|2\\d)$:db1", "db1,web[01,20]"),
        ("~w.*[05]$", "web[05,10,15,20]"),
        ("~[a-d]b\\d{1,2}!db1", "db2"),
        ("all!~w", "db[1-2]"),
        ("~(web|db)(?:0?1)$", "db1,web01"),
        ("~.*2", "db2,web[02,12,20]"),
    ],
)
def test_an_expression_selects(fleet: Inventory, expression: str, folded: str) -> None:
    chosen = select(expression, fleet)

    assert fold(host.name for host in chosen) == folded


def test_hosts_come_in_the_order_of_the_inventory(fleet: Inventory) -> None:
    chosen = select("web02,web01,db1", fleet)

    assert [host.name for host in chosen] == ["db1", "web01", "web02"]


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("web1", 'no host named "web1"; did you mean "web19"?'),
        ("web[19-22]", 'no host named "web21" and 1 more; did you mean "web20"?'),
        ("@dsb", 'no group "dsb"; did you mean "dbs"?'),
        ("zon=a", 'no host has a label "zon"; did you mean "zone"?'),
        ("app*", 'no host matches "app*"'),
        ("web01&db1", "no host is left"),
        ("zone=c", "no host is left"),
        ("zone=a:web11", 'no host has "zone=a:web11"; join terms with "," where a label comes first'),
        ("~x", 'no host matches "~x"'),
        ("~(web", 'the regular expression "(web" cannot be used: a bracket is not closed'),
        ("~web)", 'the regular expression "web)" cannot be used: a bracket is not open'),
        ("~[web", 'the regular expression "[web" cannot be used: a bracket is not closed'),
        ("~*web", 'the regular expression "*web" cannot be used: * has nothing before it'),
        ("~w(?=eb)", 'the regular expression "w(?=eb)" cannot be used: of (?...) only (?:...) is known'),
        ("~web\\1", 'the regular expression "web\\\\1" cannot be used: \\1 is not known'),
        ("~w^eb", 'the regular expression "w^eb" cannot be used: ^ may only stand at the beginning'),
        ("~w{x}", 'the regular expression "w{x}" cannot be used: { needs a count such as {2} or {1,3}'),
        (
            "~w{3,1}",
            'the regular expression "w{3,1}" cannot be used: a count goes from small to large, up to 100',
        ),
        (
            "~(((w{99}){99}){99})",
            'the regular expression "(((w{99}){99}){99})" cannot be used: it is too large',
        ),
        ("~[z-a]", 'the regular expression "[z-a]" cannot be used: the range z-a runs backwards'),
        ("~" + "w" * 201, "a regular expression of more than 200 characters"),
        (",".join(["~w"] * 101), "more than 100 regular expressions"),
        ("@empty", "no host is left"),
        ("", "a name is missing"),
        ("web01,", "an operator without a name beside it"),
        ("web01,,db1", "an operator without a name beside it"),
        ("&web01", "an operator without a name beside it"),
        ("web[", 'expected a range such as web[01-20], got "web["'),
        ("web[1-999999999]", '"web[1-999999999]" stands for more than 100000 names'),
        ("web01\r\n", "the character U+000D is not allowed in a selector"),
        ("web01\0", "the character U+0000 is not allowed in a selector"),
        ("web01 db1", '"web01 db1" holds a space; join names with ","'),
        ("-oProxyCommand=id", 'no host has a label "-oProxyCommand"'),
        ("a,b" * 400_000, "longer than 1000000 characters"),
    ],
)
def test_an_expression_that_cannot_be_meant_is_refused(
    fleet: Inventory, expression: str, problem: str
) -> None:
    """Rows 10 and 31."""
    with pytest.raises(InputError) as caught:
        select(expression, fleet)

    assert caught.value.details == (problem,)


def test_the_message_names_the_expression_and_every_problem(fleet: Inventory) -> None:
    with pytest.raises(InputError) as caught:
        select("wbe01,@dsb", fleet)

    assert caught.value.message == '"wbe01,@dsb" selects no hosts'
    assert caught.value.details == (
        'no host named "wbe01"; did you mean "web01"?',
        'no group "dsb"; did you mean "dbs"?',
    )
    assert caught.value.next_step == "clusterctl hosts lists hosts and labels"


def test_groups_of_the_machine_are_never_read(fleet: Inventory) -> None:
    """ClusterShell would read /etc/clustershell/groups.conf for these."""
    for expression in ("@*", "@source:dbs", "@all"):
        with pytest.raises(InputError):
            select(expression, fleet)


def test_a_pattern_of_many_stars_does_not_take_for_ever() -> None:
    hosts = inventory("cluster: lab\nhosts: {" + "a" * 250 + ": }\n")

    with pytest.raises(InputError):
        select("*a" * 40 + "b", hosts)
