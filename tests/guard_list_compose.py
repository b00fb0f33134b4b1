"""The guards of what playbooks may take of hosts, of networks, and of configs and secrets."""

from __future__ import annotations

from tests.guard import PLANNING, Guard

_RUNTIME, _FILES = "tests/parsing/test_runtime_keys.py", "tests/planning/test_networks_and_files.py"
_SCRIPT = "tests/remote/test_script_files.py"
_SHELL = "clusterctl/remote/shell"

COMPOSE_GUARDS = (
    Guard(
        "what takes something of the host needs leave (rows 18 and 19)",
        "clusterctl/parsing/compose/allow.py",
        "        for privilege in ungiven(service, project, policy.allow):\n",
        "        for privilege in list(ungiven(service, project, policy.allow))[:0]:\n",
        (f"{_RUNTIME}::test_what_takes_something_of_the_host_needs_leave",),
    ),
    Guard(
        "a volume that is a path of the host is taken for one",
        "clusterctl/model/service.py",
        '        return self.source if self.kind == "bind" else self.volume.host_path\n',
        '        return self.source if self.kind == "bind" else ""\n',
        (f"{_RUNTIME}::test_a_volume_that_is_a_path_of_the_host_needs_leave_like_one",),
    ),
    Guard(
        "a network of somebody else is not used (I3)",
        f"{PLANNING}/networks.py",
        '        elif found == "":\n',
        '        elif found == "?":\n',
        (f"{_FILES}::test_a_network_that_does_not_fit_blocks_the_plan",),
    ),
    Guard(
        "a network that a unit names is not removed",
        f"{_SHELL}/networks.sh",
        '    if [ -z "$used" ]; then docker',
        "    if true; then docker",
        (f"{_SCRIPT}::test_a_network_that_a_unit_names_stays_and_one_that_none_names_goes",),
    ),
    Guard(
        "the content of a secret is not shown as a change (I9)",
        f"{PLANNING}/diff.py",
        '    if name == "files":\n',
        '    if name == "file":\n',
        (f"{_FILES}::test_a_changed_secret_is_a_change_and_is_not_shown",),
    ),
    Guard(
        "a secret cannot be told from its digest (I9)",
        f"{PLANNING}/spec.py",
        "_slow_digest(file.content, salt)",
        '_slow_digest(file.content, "")',
        (f"{_FILES}::test_the_same_content_in_two_services_cannot_be_told_from_their_digests",),
    ),
    Guard(
        "a secret that came torn starts nothing",
        f"{_SHELL}/files.sh",
        '    if [ "$(sha "$from")" != "$digest" ]; then',
        "    if false; then",
        (f"{_SCRIPT}::test_a_secret_that_did_not_arrive_whole_starts_nothing",),
    ),
    Guard(
        "a file of a unit lies in the unit's own folder",
        "clusterctl/remote/calls.py",
        '    if path.split("/")[4] != instance:\n',
        "    if not path:\n",
        (f"{_SCRIPT}::test_a_file_of_no_unit_never_enters_a_script",),
    ),
    Guard(
        "what a newer release wrote is not dropped",
        f"{PLANNING}/guards.py",
        "    return find_newer(facts)\n",
        "    return []\n",
        ("tests/cli/test_drift.py::test_what_a_newer_release_wrote_is_refused_and_stays",),
    ),
    Guard(
        "values of variables are not recorded with the command line (I9)",
        "clusterctl/cli/carry.py",
        '    return f"{name}=***" if equals else name\n',
        "    return assignment\n",
        ("tests/cli/test_secrets.py::test_a_value_on_the_command_line_is_recorded_nowhere",),
    ),
    Guard(
        "a manifest says why it cannot be read by names only (I9)",
        f"{PLANNING}/manifest.py",
        '        return "it holds values that no field of this release takes"\n',
        "        return str(body)\n",
        ("tests/planning/test_manifest.py::test_a_manifest_that_a_newer_release_wrote_is_none_and_says_why",),
    ),
    Guard(
        "a unit is as we wrote it only if the whole file is",
        f"{PLANNING}/observed.py",
        'is_intact(self.fact.text) and self.fact.digest in {"", file_digest(self.fact.text)}',
        "is_intact(self.fact.text)",
        ("tests/planning/test_observed.py::test_a_unit_whose_end_was_not_told_is_not_intact",),
    ),
)
