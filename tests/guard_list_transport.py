"""The guards of connections: passwords, host keys, what a host may write here, and what it says that is followed."""

from __future__ import annotations

from tests.guard import Guard

REMOTE = "clusterctl/remote"
LOGIN, SUDO, HOST_KEY, COPY, FETCH, TRUST = (
    f"tests/remote/test_{name}.py" for name in ("login", "sudo", "host_key", "copy", "fetch", "trust")
)
GENERATIONS = "tests/planning/test_generations.py"

TRANSPORT_GUARDS = (
    Guard(
        "sudo is answered once only (I9)",
        f"{REMOTE}/sudo.py",
        "            if sent:\n                password.refuse(where)\n                channel.close()\n",
        "            if False:\n                password.refuse(where)\n                channel.close()\n",
        (f"{SUDO}::test_a_wrong_password_is_sent_once_and_never_again_in_a_run",),
    ),
    Guard(
        "sudo is answered only after our own prompt (I9)",
        f"{REMOTE}/sudo.py",
        "        if asked > int(sent):\n",
        "        if asked > int(sent) or not sent:\n",
        (f"{SUDO}::test_sudo_that_refuses_without_asking_gets_no_password",),
    ),
    Guard(
        "a password goes only to a server that takes one (I9)",
        f"{REMOTE}/login.py",
        "    if not _PASSWORDS & set(allowed):\n",
        "    if False:\n",
        (f"{LOGIN}::test_a_server_that_takes_no_password_gets_none",),
    ),
    Guard(
        "a password that was refused is not sent again",
        f"{REMOTE}/login.py",
        "    if password.was_refused(where):\n",
        "    if False:\n",
        (f"{LOGIN}::test_a_password_that_was_refused_is_sent_once_in_a_run",),
    ),
    Guard(
        "the signature of a host certificate",
        f"{REMOTE}/certificate.py",
        '        (not certificate.signed, "its signature is wrong"),\n',
        "",
        (f"{HOST_KEY}::test_a_forged_certificate_is_refused",),
    ),
    Guard(
        "the authority of a host certificate",
        f"{REMOTE}/known_hosts.py",
        "        return any(blob is None or key.blob == blob for key in found)\n",
        "        return bool(found)\n",
        (f"{HOST_KEY}::test_a_certificate_of_a_foreign_authority_leaves_the_host_unknown",),
    ),
    Guard(
        "the time and the names of a host certificate",
        f"{REMOTE}/certificate.py",
        '    return next((reason for wrong, reason in reasons if wrong), "")\n',
        '    return next((reason for wrong, reason in reasons[:2] if wrong), "")\n',
        (f"{HOST_KEY}::test_a_certificate_that_does_not_hold_is_refused",),
    ),
    Guard(
        "what a host calls a file stays in our folder (I10)",
        f"{REMOTE}/fetch_names.py",
        '    if not parts or text.startswith("/") or any(part in {"..", "."} for part in parts):\n',
        "    if not parts:\n",
        (f"{FETCH}::test_a_hostile_host_writes_nothing_here",),
    ),
    Guard(
        "what is shown is made safe for a terminal (I10)",
        "clusterctl/cli/console.py",
        '    return printable(text).replace("\\n", "\\\\n")\n',
        '    return text.replace("\\n", "\\\\n")\n',
        ("tests/cli/test_hostile_hosts.py::test_nothing_of_a_host_reaches_the_terminal_raw",),
    ),
    Guard(
        "one lock host that lies about its epoch keeps nobody out (I7)",
        "clusterctl/planning/epochs.py",
        "        if epochs[name] <= most:\n",
        "        if True:\n",
        ("tests/operations/test_lock_lies.py::test_a_lock_host_with_a_number_from_nowhere_is_passed_over",),
    ),
    Guard(
        "no link in a folder for everybody is written through",
        f"{REMOTE}/copy.py",
        '    if [ -L "$p" ]; then',
        "    if false; then",
        (
            f"{COPY}::test_a_link_in_a_folder_for_everybody_is_not_followed",
            f"{COPY}::test_a_link_of_another_user_is_not_followed",
        ),
    ),
    Guard(
        "a step copies through no link that others can bend",
        f"{REMOTE}/shell/command.sh",
        '  if [ -n "$file_bent" ]; then',
        "  if false; then",
        ("tests/remote/test_script_command.py::test_a_link_on_the_way_that_others_can_bend_is_not_followed",),
    ),
    Guard(
        "a known host's key is never replaced",
        f"{REMOTE}/trust.py",
        "if not known.keys_of(one.name) and not",
        "if not",
        (f"{TRUST}::test_keys_are_added_once_and_a_known_name_is_left_alone",),
    ),
    Guard(
        "what one host alone holds is not followed (I10)",
        "clusterctl/planning/generations.py",
        "        return not self.disputed and (not self._compared or self._is_told(manifest))\n",
        "        return True\n",
        (
            f"{GENERATIONS}::test_no_verb_follows_it",
            f"{GENERATIONS}::test_two_hosts_must_hold_what_is_followed",
        ),
    ),
    Guard(
        "of two hosts that differ neither is followed (I10)",
        "clusterctl/planning/generations.py",
        "        self.disputed = bool(newest and self._compared and opinions == 2 and not self._is_told(newest))\n",
        "        self.disputed = False\n",
        (f"{GENERATIONS}::test_with_two_hosts_left_of_three_that_differ_all_of_the_project_is_held",),
    ),
    Guard(
        "a revision from nowhere is not followed",
        "clusterctl/planning/generations.py",
        " and manifest.revision <= revisions[-2] + FAR\n",
        "\n",
        (f"{GENERATIONS}::test_a_host_says_alone_where_instances_are_but_not_with_any_number",),
    ),
    Guard(
        "a generation from nowhere is not counted on",
        "clusterctl/planning/deploy.py",
        " if number <= known + FAR)",
        ")",
        (f"{GENERATIONS}::test_a_number_on_a_unit_that_is_far_above_the_others_is_not_counted_on",),
    ),
    Guard(
        "an intent that one lock host alone tells is not resumed (I10)",
        "clusterctl/planning/runs.py",
        "if not holders or 2 * (told[intent] + mute) > holders]\n",
        "]\n",
        ("tests/operations/test_resume.py::test_an_intent_that_one_lock_host_alone_tells_is_not_resumed",),
    ),
    Guard(
        "a run that one lock host alone tells of is not gone on with (I10)",
        "clusterctl/planning/runs.py",
        "    return tuple(run for run in runs_of(snapshot) if 2 * (told[run.id] + silent) > holders)\n",
        "    return runs_of(snapshot)\n",
        ("tests/operations/test_resume.py::test_a_run_that_one_lock_host_alone_tells_of_had_not_begun",),
    ),
)
