"""The guards: where each stands, what is left where it is taken out, and which tests must fail then."""

from __future__ import annotations

from dataclasses import dataclass

PLANNING, OPERATIONS = "clusterctl/planning", "clusterctl/operations"
REBOOT, CORDON, STEPS = (f"tests/planning/test_{name}.py" for name in ("reboot", "cordon", "steps"))
REBOOT_HOOKS, REBOOT_NEEDS, REBOOT_RESUMED = (
    f"tests/planning/test_reboot_{name}.py" for name in ("hooks", "needs", "resumed")
)
LIMITS = "tests/planning/test_limits.py"
WAVES = "tests/planning/test_host_waves.py"
CONDUCT = "tests/operations/test_conduct.py"
VERDICTS, FAILOVER = "tests/planning/test_verdicts.py", "tests/planning/test_failover.py"
NIGHTS = "tests/nights/test_nights.py::test_what_is_promised_holds_in_small_nights_and_was_looked_at"
REBALANCE = "tests/planning/test_rebalance.py"
MAKING_ROOM = "tests/planning/test_making_room.py"
SOAK = "tests/soak/test_rollouts.py::test_what_is_promised_holds_and_was_looked_at"


@dataclass(frozen=True)
class Guard:
    """One guard: where it stands, what is left where it is taken out, and the tests of which one must fail then."""

    name: str
    file: str
    text: str
    without: str
    tests: tuple[str, ...]


GUARDS = (
    Guard(
        "limit of the fleet, before each batch (I8)",
        f"{PLANNING}/limits.py",
        "    if len(out) + len(hosts) <= limits.fleet:\n",
        "    if len(out) + len(hosts) >= 0:\n",
        (f"{LIMITS}::test_a_host_that_does_not_answer_is_out",),
    ),
    Guard(
        "limit of a failure domain (I8)",
        f"{PLANNING}/limits.py",
        "        if out[domain] > most:\n",
        "        if out[domain] > 10**6:\n",
        (f"{LIMITS}::test_the_limit_of_a_failure_domain_holds_beside_that_of_the_fleet",),
    ),
    Guard(
        "floor of a service, before each batch (I1)",
        f"{PLANNING}/limits.py",
        "        if well & set(batch.interrupts) and len(left) < floor.least:\n",
        "        if well & set(batch.interrupts) and len(left) < 0:\n",
        (f"{LIMITS}::test_a_service_keeps_its_floor",),
    ),
    Guard(
        "maintenance window",
        f"{PLANNING}/limits.py",
        "        or why_closed(limits.windows, now_s, batch.worst_s)\n",
        "",
        (f"{LIMITS}::test_the_window_is_asked_with_the_batchs_worst_case",),
    ),
    Guard(
        "worst case must fit into the window",
        f"{PLANNING}/windows.py",
        "    if left >= needs_s and left > 0:\n",
        "    if left > 0:\n",
        ("tests/planning/test_windows.py::test_what_does_not_fit_any_more_is_not_begun",),
    ),
    Guard(
        "markers of crashed runs count as out",
        f"{PLANNING}/limits.py",
        "        elif OUT & set(answer.markers):\n",
        "        elif False:\n",
        (f"{LIMITS}::test_a_host_that_any_run_has_marked_is_out",),
    ),
    Guard(
        "limits are asked before each batch that opens hosts",
        f"{OPERATIONS}/execute.py",
        "        if not reason and batch.opens:\n",
        "        if False:\n",
        (f"{REBOOT_HOOKS}::test_a_host_that_goes_silent_meanwhile_counts_before_the_next_is_opened",),
    ),
    Guard(
        "floor at plan time",
        f"{PLANNING}/host_waves.py",
        "        if hit and len(well) < floor.least:\n",
        "        if hit and len(well) < 0:\n",
        (f"{REBOOT}::test_a_service_that_is_short_already_keeps_its_hosts",),
    ),
    Guard(
        "a quorum may miss one",
        f"{PLANNING}/host_waves.py",
        'floors.append(Floor(f"quorum {quorum}", services, total - 1))',
        'floors.append(Floor(f"quorum {quorum}", services, 0))',
        (f"{WAVES}::test_two_members_of_a_quorum_never_go_together",),
    ),
    Guard(
        "lock hosts alone",
        f"{PLANNING}/host_waves.py",
        "        alone = name in holders or name == rolling.canary\n",
        "        alone = False\n",
        (f"{WAVES}::test_as_many_as_the_limit_go_together_and_lock_hosts_alone",),
    ),
    Guard(
        "all hosts of a run are cordoned first",
        f"{PLANNING}/host_plan.py",
        "        self.forecast.cordon(hosts)\n",
        "",
        (f"{REBOOT}::test_nothing_moves_onto_a_host_whose_turn_comes_later_while_others_have_room",),
    ),
    Guard(
        "replacements start elsewhere first (I1)",
        f"{PLANNING}/host_plan.py",
        '        self._add("start elsewhere", starts)\n',
        "",
        (f"{CORDON}::test_replacements_start_elsewhere_before_the_old_copies_stop",),
    ),
    Guard(
        "what cannot leave refuses the whole plan",
        f"{PLANNING}/leaving.py",
        "        if refused or (why.startswith(",
        "        if False and (why.startswith(",
        (f"{CORDON}::test_what_must_not_leave_refuses_the_whole_drain_with_the_reason",),
    ),
    Guard(
        "another unfinished run's hosts are refused",
        f"{PLANNING}/host_checks.py",
        "        if run and run.id != plan.run.id:\n",
        "        if False:\n",
        (f"{CORDON}::test_a_host_of_another_unfinished_run_is_refused_by_that_runs_name",),
    ),
    Guard(
        "a cordon from before the run stays",
        f"{PLANNING}/host_plan.py",
        "        return marker is None or marker.run == self.run.id\n",
        "        return True\n",
        (f"{REBOOT}::test_a_host_that_was_cordoned_before_the_run_stays_cordoned",),
    ),
    Guard(
        "only the run's own marks are taken off",
        f"{PLANNING}/host_plan.py",
        "ClearMarker(host, name, self.run.id, ",
        'ClearMarker(host, name, "", ',
        (f"{REBOOT_NEEDS}::test_a_drained_host_itself_may_be_rebooted_and_stays_drained",),
    ),
    Guard(
        "what a resumed run finds rebooted must be well",
        f"{PLANNING}/host_plan.py",
        "if unit.is_well or (self.was_rebooted(host) and self._starts_at_boot(host, unit))",
        "if unit.is_well",
        (f"{REBOOT_RESUMED}::test_after_a_verify_that_failed_the_host_is_not_brought_back_until_it_is_well",),
    ),
    Guard(
        "a killed run's records are completed",
        f"{PLANNING}/cordon.py",
        "    plan.settle()\n",
        "",
        (f"{CORDON}::test_a_killed_drain_is_finished_also_where_only_the_record_is_missing",),
    ),
    Guard(
        "replacements start elsewhere first (soak, I1)",
        f"{PLANNING}/host_plan.py",
        '        self._add("start elsewhere", starts)\n',
        "",
        (SOAK,),
    ),
    Guard(
        "as many together as the limit",
        f"{PLANNING}/host_waves.py",
        "        if len(group) == room or alone or",
        "        if alone or",
        (f"{WAVES}::test_by_default_one_host_is_out_at_a_time",),
    ),
    Guard(
        "a resumed run knows by boot ids what is rebooted",
        f"{PLANNING}/host_plan.py",
        "            if boot_ids.get(facts.host, facts.boot_id) != facts.boot_id:\n",
        "            if False:\n",
        (f"{REBOOT_RESUMED}::test_a_host_that_was_brought_back_is_not_rebooted_again",),
    ),
    Guard(
        "a host is verified before it is brought back",
        f"{PLANNING}/host_plan.py",
        '        self._add("verify", steps)\n',
        "",
        (f"{REBOOT_HOOKS}::test_services_that_do_not_come_back_stop_the_run_with_the_host_out",),
    ),
    Guard(
        "the first failed batch stops the run",
        f"{PLANNING}/rolling.py",
        "    if not undone or tolerable:\n",
        "    if True:\n",
        (f"{REBOOT_HOOKS}::test_a_reboot_that_fails_stops_the_run_and_no_other_host_goes",),
    ),
    Guard(
        "no failed start is tolerated before old copies stop",
        f"{PLANNING}/steps.py",
        "    return batch.title == GATE or any(isinstance(step, ApplyUnit) for step in batch.steps)\n",
        "    return batch.title == GATE\n",
        (f"{STEPS}::test_no_old_copy_stops_where_its_replacement_did_not_start_whatever_is_tolerated",),
    ),
    Guard(
        "gates fail closed",
        f"{PLANNING}/steps.py",
        "    return batch.title == GATE or any(",
        "    return any(",
        (f"{STEPS}::test_a_gate_runs_with_the_operator_and_closes_on_failure",),
    ),
    Guard(
        "no start on a host that has failed",
        f"{OPERATIONS}/execute.py",
        "        reason = conduct.stopped() or _missed(skipped, self._lost)\n",
        "        reason = conduct.stopped()\n",
        (f"{STEPS}::test_a_replacement_on_a_host_that_failed_earlier_stops_the_run",),
    ),
    Guard(
        "the lock is proven before each batch",
        f"{OPERATIONS}/execute.py",
        "        return reason or conduct.right.prove()\n",
        "        return reason\n",
        (f"{CONDUCT}::test_a_right_that_is_lost_stops_before_the_next_batch",),
    ),
    Guard(
        "a batch is in the journal before it begins",
        f"{OPERATIONS}/execute.py",
        "        conduct.journal.before(number, batch)\n",
        "",
        (f"{CONDUCT}::test_a_batch_is_written_down_before_it_begins",),
    ),
    Guard(
        "what cannot be written down is not done",
        f"{OPERATIONS}/execute.py",
        "            except JournalError as error:\n",
        "            except ZeroDivisionError as error:\n",
        (f"{CONDUCT}::test_nothing_is_done_that_cannot_be_written_down",),
    ),
    Guard(
        "the run's record lies on the lock hosts first",
        f"{OPERATIONS}/pipeline.py",
        "        refused, failed = self._record(RunRecord(summary, intent), right)\n",
        '        refused, failed = "", ()\n',
        (f"{CONDUCT}::test_the_record_lies_on_the_lock_hosts_before_anything_is_changed",),
    ),
    Guard(
        "planned again under the lock: equal, or asked again",
        f"{OPERATIONS}/pipeline.py",
        "            if again == plan:\n",
        "            if True:\n",
        ("tests/operations/test_pipeline.py::test_a_new_plan_that_is_not_approved_is_not_done",),
    ),
    Guard(
        "an older epoch changes nothing, on hosts (I7)",
        "clusterctl/remote/shell/base.sh",
        '  if [ "$EPOCH" -gt 0 ] && [ "$EPOCH" -lt "$seen" ]; then\n',
        "  if false; then\n",
        ("tests/remote/test_script_records.py::test_a_stale_operator_changes_nothing",),
    ),
    Guard(
        "an older epoch changes nothing, in memory (I7)",
        "tests/fake_work.py",
        "        if epoch and epoch < fake.epoch:\n",
        "        if False:\n",
        (SOAK,),
    ),
    Guard(
        "if old then new, on hosts",
        "clusterctl/remote/shell/units.sh",
        '    if [ "${current:--}" != "$replaces" ]; then refuse',
        "    if false; then refuse",
        ("tests/remote/test_script.py::test_a_unit_that_changed_since_the_plan_is_not_touched",),
    ),
    Guard(
        "if old then new, in memory",
        "tests/fake_work.py",
        '        if ("" if present is None else sha(present)) != step.replaces:\n',
        "        if False:\n",
        ("tests/test_fake_cluster.py::test_a_step_planned_for_another_unit_does_nothing",),
    ),
    Guard(
        "a host that an earlier try left rebooting is waited for",
        f"{OPERATIONS}/execute.py",
        "        return wait.wait(set(batch.opens) & set(self._plan.rebooting), conduct.look())\n",
        "        return wait.wait((), conduct.look())\n",
        ("tests/operations/test_comeback.py", SOAK),
    ),
    Guard(
        "that wait has an end",
        f"{OPERATIONS}/comeback.py",
        "            if left_s <= 0 or self.stopped():\n",
        "            if self.stopped():\n",
        ("tests/operations/test_comeback.py::test_the_wait_has_an_end",),
    ),
    Guard(
        "what an earlier try left elsewhere is counted before anything is placed",
        f"{PLANNING}/leaving.py",
        "            if scheduler.occupy(unit.instance, service, copy.host):\n",
        "            if False:\n",
        ("tests/planning/test_litter.py", "tests/soak/test_rollouts.py"),
    ),
    Guard(
        "of two copies one is moved",
        f"{PLANNING}/leaving.py",
        "        if other is None or rank_of(unit) < rank_of(other):\n",
        "        if other is None:\n",
        ("tests/planning/test_litter.py", "tests/planning/test_rack_returns.py"),
    ),
    Guard(
        "the way to most lock hosts is not rebooted",
        f"{PLANNING}/host_checks.py",
        "        if 2 * left <= len(holders):\n",
        "        if False:\n",
        ("tests/planning/test_jump_hosts.py::test_the_way_to_most_lock_hosts_is_not_rebooted",),
    ),
    Guard(
        "hosts that the operator works through go alone",
        f"{PLANNING}/host_waves.py",
        "    if first == rolling.canary or first in holders:\n",
        "    if first == rolling.canary:\n",
        ("tests/planning/test_jump_hosts.py", WAVES),
    ),
    Guard(
        "a host that hangs is given up on time",
        "clusterctl/remote/fanout.py",
        "            if not job.is_overdue(self.deadline_s + GIVE_UP_S):\n                continue\n",
        "            continue\n",
        ("tests/remote/test_fanout.py::test_a_host_that_overstays_is_given_up",),
    ),
    Guard(
        "lost takes rounds and seconds",
        f"{PLANNING}/detector.py",
        "    return rounds >= most_rounds and now_s - first_s >= most_s\n",
        "    return True\n",
        ("tests/planning/test_detector.py", NIGHTS),
    ),
    Guard(
        "one sign of life is enough",
        f"{PLANNING}/verdicts.py",
        "        if SIGNS_OF_LIFE & set(signs):\n            return True\n",
        "",
        (VERDICTS, NIGHTS),
    ),
    Guard(
        "too few that could look is not lost",
        f"{PLANNING}/verdicts.py",
        '        return False if needed and signs.count("nothing") >= needed else None\n',
        "        return False\n",
        (VERDICTS,),
    ),
    Guard(
        "no majority, nobody is lost (I6)",
        f"{PLANNING}/verdicts.py",
        "        if not 2 * len(self.sighting.able) > len(self.sighting.rungs):\n",
        "        if False:\n",
        (VERDICTS,),
    ),
    Guard(
        "no majority, no evacuation (I6)",
        f"{PLANNING}/failover.py",
        "    if 2 * len(snapshot.seen) <= len(inventory.hosts):\n",
        "    if False:\n",
        (FAILOVER,),
    ),
    Guard(
        "too many lost at once are for a person",
        f"{PLANNING}/evacuation.py",
        "    if len(lost) > most:\n",
        "    if False:\n",
        (FAILOVER, NIGHTS),
    ),
    Guard(
        "data is held on a lost host",
        f"{PLANNING}/leaving.py",
        "    volumes = () if off else writable_volumes(service)\n",
        "    volumes = () if lost else writable_volumes(service)\n",
        (FAILOVER, NIGHTS),
    ),
    Guard(
        "a host that answers is not evacuated",
        f"{PLANNING}/failover.py",
        " if not isinstance(snapshot.hosts.get(host), HostFacts))\n",
        ")\n",
        (FAILOVER,),
    ),
    Guard(
        "a host that answers is not off",
        f"{PLANNING}/evacuation.py",
        "    if living:\n",
        "    if False:\n",
        (FAILOVER,),
    ),
    Guard(
        "one holder of the lock",
        "tests/soak/watch.py",
        "        if self.cluster.seat.holder is not None:\n",
        "        if False:\n",
        (SOAK,),
    ),
    Guard(
        "a host that was told to reboot is waited for under the lock",
        f"{OPERATIONS}/pipeline.py",
        "snapshot = self._await_hosts(request, self._look(request), stopped)",
        "snapshot = self._look(request)",
        ("tests/operations/test_pipeline.py",),
    ),
    Guard(
        "rebalance: data never moves",
        f"{PLANNING}/rebalance.py",
        "            or bool(writable_volumes(service))\n",
        "",
        (f"{REBALANCE}::test_what_has_data_or_must_not_be_interrupted_stays",),
    ),
    Guard(
        "rebalance: a service that is not well is left alone",
        f"{PLANNING}/rebalance.py",
        "            (unit.header.project, service.name) not in settled\n",
        "            False\n",
        (f"{REBALANCE}::test_a_service_that_is_not_well_is_left_alone",),
    ),
    Guard(
        "rebalance: what was started a short while ago stays",
        f"{PLANNING}/rebalance.py",
        "            or _is_young(intent, unit, room)\n",
        "",
        (f"{REBALANCE}::test_what_was_started_a_short_while_ago_stays",),
    ),
    Guard(
        "rebalance: at most so many moves, also when it is resumed",
        f"{PLANNING}/rebalance.py",
        "intent.max_moves - sum(_is_begun(intent, unit) for unit in found)",
        "intent.max_moves",
        (f"{REBALANCE}::test_at_most_so_many_moves_also_when_the_run_is_resumed",),
    ),
    Guard(
        "timers: a file that is not ours, or was edited, stays as it is (I3)",
        f"{OPERATIONS}/timers.py",
        "if not is_ours(text, self.cluster)]",
        "if False]",
        ("tests/operations/test_timers.py::test_nothing_is_changed_where_any_file_of_ours_was_edited",),
    ),
    Guard(
        "timers: a crontab that cannot be read is not taken for an empty one",
        f"{OPERATIONS}/crontab.py",
        'if ended.code is not None and ("no crontab for" in ended.words or "No such file" in ended.words):',
        "if ended.code != 0:",
        ("tests/operations/test_timers.py::test_no_crontab_is_an_empty_one_and_an_unreadable_one_is_none",),
    ),
    Guard(
        "news: without a majority nothing is said of hosts",
        f"{PLANNING}/notices.py",
        "    if not found.has_majority:\n",
        "    if False:\n",
        ("tests/planning/test_notices.py",),
    ),
    Guard(
        "news: URLs and commands of news are not recorded (I9)",
        "clusterctl/cli/carry.py",
        "*without_secrets(sys.argv[1:])",
        "*sys.argv[1:]",
        ("tests/cli/test_cron.py",),
    ),
    Guard(
        "nothing moves away for the sake of a lower priority",
        f"{PLANNING}/making_room.py",
        "(not free and t.priority <= priority)",
        "not free",
        (f"{MAKING_ROOM}::test_what_never_moves_for_another",),
    ),
    Guard(
        "at most so many extra moves",
        f"{PLANNING}/making_room.py",
        "for tenant in chosen)) <= self._left",
        "for tenant in chosen)) >= 0",
        (f"{MAKING_ROOM}::test_several_small_ones_move_for_a_large_one_or_none_at_all",),
    ),
    Guard(
        "a replacement fits beside everything that still stands",
        f"{PLANNING}/making_room.py",
        "if waits else (BOTH,):",
        "if waits else ((AFTER,),):",
        (f"{MAKING_ROOM}::test_a_replacement_must_fit_beside_everything_that_still_stands",),
    ),
    Guard(
        "what has data or must not be moved stays when room is made",
        f"{PLANNING}/tenants.py",
        'service.drain != "move" or writable_volumes(service)',
        "False",
        (f"{MAKING_ROOM}::test_what_never_moves_for_another",),
    ),
    Guard(
        "what is young stays when room is made",
        f"{PLANNING}/tenants.py",
        "facts.clock_s - since_s < MIN_AGE_S",
        "False",
        (f"{MAKING_ROOM}::test_what_was_started_within_half_an_hour_stays",),
    ),
    Guard(
        "what is not well stays when room is made",
        f"{PLANNING}/tenants.py",
        " or not unit.is_well",
        "",
        (f"{MAKING_ROOM}::test_what_is_not_well_stays",),
    ),
)
