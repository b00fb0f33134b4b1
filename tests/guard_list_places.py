"""The guards of placements: rules and spreading hold, and what is well placed stays."""

from __future__ import annotations

from tests.guard import PLANNING, Guard

_PROPERTIES, _LEVELLING = "tests/planning/test_strategy_properties.py", "tests/planning/test_levelling.py"

PLACE_GUARDS = (
    Guard(
        "max_replicas_per_node at every prefix of an apply",
        f"{PLANNING}/eligibility.py",
        "        or _too_many(room, instance, service)\n        or disk_refusal(",
        "        or disk_refusal(",
        (f"{_PROPERTIES}::test_no_prefix_of_an_apply_has_too_many_on_a_host",),
    ),
    Guard(
        "what was carried out is kept (I12)",
        f"{PLANNING}/staying.py",
        "        return any(self._keep(unit, service) for unit in self._copies(instance))\n",
        "        return False\n",
        (f"{_PROPERTIES}::test_what_was_carried_out_leaves_nothing_to_do",),
    ),
    Guard(
        "what is well placed stays although another host is better now",
        f"{PLANNING}/staying.py",
        "        if refusal is None:\n            self._result.kept[instance] = unit\n",
        '        key = f"{instance.project}/{instance.service}"\n'
        "        if refusal is None and room is next(self._ranking.best_first(key, service)):\n"
        "            self._result.kept[instance] = unit\n",
        (f"{_PROPERTIES}::test_a_host_more_moves_nothing",),
    ),
    Guard(
        "new instances change places where hosts are too full",
        f"{PLANNING}/scheduler.py",
        "            self._level(missing)\n",
        "            pass\n",
        (f"{_LEVELLING}::test_a_thousand_hosts_of_mixed_sizes_are_within_two_percent_of_the_bound",),
    ),
    Guard(
        "instances that change places are spread as well as before",
        f"{PLANNING}/levelling.py",
        "            if self._ranking.spreads_as_well(here, there, key_of(instance), service)\n",
        "",
        (f"{_LEVELLING}::test_instances_are_not_exchanged_where_they_would_be_spread_less",),
    ),
    Guard(
        "instances that change places keep to the rules",
        f"{PLANNING}/levelling.py",
        "        allowed = not self._may_place(partner, *given) and not (taken and self._may_place(full, *taken))\n",
        "        allowed = True\n",
        (f"{_LEVELLING}::test_instances_are_not_exchanged_against_a_rule",),
    ),
)
