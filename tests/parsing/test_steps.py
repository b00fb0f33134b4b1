"""Playbooks with steps: what they are read as, and every mistake in them."""

from __future__ import annotations

from typing import Any

import pytest

from clusterctl.model.intent import PlaybookStep, Rolling, StepsIntent
from clusterctl.model.limit import Limit
from clusterctl.model.service import Project, Service
from clusterctl.model.window import Window
from clusterctl.parsing.steps import read as steps_read
from clusterctl.parsing.steps.intent import parse_steps_playbook
from clusterctl.parsing.steps.keys import VERBS
from tests.parsing.tools import inventory, mistakes, step, step_mistakes, steps

SHOP = "services: {web: {image: nginx, env_file: web.env}}\n"
DURATION = "expected a duration such as 1m30s or 500ms"


def test_the_smallest_playbook_has_all_defaults() -> None:
    found = steps("""
        steps:
          - cordon:
    """)

    assert found == StepsIntent("site", ("h1", "h2", "h3"), (PlaybookStep("cordon"),))
    assert (found.serial, found.max_fail, found.on_failure, found.rolling) == (
        (Limit(1),),
        0,
        "stop",
        Rolling(),
    )


def test_a_full_playbook_is_read() -> None:
    found = steps(
        """
        name: winter
        hosts: h[1-2],zone=a!h3
        serial: [1, 50%]
        max_fail: 2
        on_failure: continue
        max_unavailable: 20%
        window: ["Sat 02:00 3h UTC", "Sun 02:00 3h UTC"]
        steps:
          - drain: {deadline: 5m}
          - update: {security: true, reboot: if-needed, retry_bad: false}
          - name: new kernel
            reboot: {if_needed: true, soak: 1m}
            timeout: 20m
          - copy: {src: conf/agent.conf, dest: /etc/agent.conf, mode: 640, owner: root:adm}
          - exec: {command: 'echo "$HOME $$"', on: host, creates: /run/x, unless: test -e /y}
          - exec: uptime
          - wait: 90s
          - gate: {command: curl -f http://x}
          - verify: {soak: 0s}
          - uncordon:
          - apply: shops/shop.yaml
        """,
        files={
            "conf/agent.conf": b"\x00\xff",
            "shops/shop.yaml": SHOP,
            "shops/web.env": "A=1\n",
        },
    )

    windows = (Window((5,), 120, 10_800, "UTC"), Window((6,), 120, 10_800, "UTC"))
    copied = {"src": "conf/agent.conf", "dest": "/etc/agent.conf", "mode": "0640", "owner": "root:adm"}
    guarded = {"command": 'echo "$HOME $$"', "on": "host", "creates": "/run/x", "unless": "test -e /y"}
    updated = {"security": "true", "reboot": "if-needed", "retry_bad": "false"}
    project = Project("shop", (Service("web", "nginx", environment={"A": "1"}),))
    assert found == StepsIntent(
        name="winter",
        hosts=("h1", "h2"),
        serial=(Limit(1), Limit(None, 50.0)),
        max_fail=2,
        on_failure="continue",
        rolling=Rolling(max_unavailable=Limit(None, 20.0), windows=windows, deadline_s=1200),
        steps=(
            PlaybookStep("drain", {"deadline": "300"}, 300.0),
            PlaybookStep("update", updated),
            PlaybookStep("reboot", {"if_needed": "true", "soak": "60"}, 1200.0, name="new kernel"),
            PlaybookStep("copy", copied, content=b"\x00\xff"),
            PlaybookStep("exec", guarded),
            PlaybookStep("exec", {"command": "uptime"}),
            PlaybookStep("wait", {"seconds": "90"}),
            PlaybookStep("gate", {"command": "curl -f http://x"}),
            PlaybookStep("verify", {"soak": "0"}),
            PlaybookStep("uncordon"),
            PlaybookStep("apply", {"playbook": "shops/shop.yaml"}, project=project),
        ),
    )


@pytest.mark.parametrize(
    "verb", [verb for verb, entry in VERBS.items() if not entry.needed and verb != "wait"]
)
@pytest.mark.parametrize("nothing", ["", "{}"])
def test_a_verb_without_arguments_has_its_defaults(verb: Any, nothing: str) -> None:
    found = steps(f"services: {{web: {{image: nginx}}}}\nsteps: [{{{verb}: {nothing}}}]\n").steps[0]

    assert found == PlaybookStep(verb, project=found.project)
    assert (found.project is None) is (verb != "apply")


def test_apply_alone_means_the_services_of_the_same_file() -> None:
    found = steps("name: own\nservices: {web: {image: nginx}}\nsteps: [{apply: }]\n")

    assert found.steps[0].project == Project("own", (Service("web", "nginx"),))


def test_hosts_of_the_command_line_count_instead_of_the_files() -> None:
    found = steps("hosts: h9\nsteps: [{cordon: }]\n", hosts="h2")

    assert found.hosts == ("h2",)


@pytest.mark.parametrize(
    ("written", "mode"), [("0644", "0644"), ("0o755", "0755"), ("1777", "1777"), ('"600"', "0600")]
)
def test_a_mode_is_octal_however_it_is_written(written: str, mode: str) -> None:
    found = step(f"copy: {{src: a, dest: /a, mode: {written}}}", files={"a": "x"})

    assert found.arguments["mode"] == mode
    assert found.content == b"x"


@pytest.mark.parametrize(("written", "seconds"), [("1m", "60"), ("{for: 2m}", "120"), ("{seconds: 5}", "5")])
def test_a_wait_has_one_word_for_its_time(written: str, seconds: str) -> None:
    assert step(f"wait: {written}").arguments == {"seconds": seconds}


def test_a_long_wait_needs_no_timeout() -> None:
    assert step("wait: 20m").timeout_s == 1200.0


def test_all_mistakes_are_listed_at_once() -> None:
    found = mistakes(
        lambda: steps(
            """
            name: Winter!
            host: all
            hosts: web1
            serial: [1, 0]
            max_fail: -1
            on_failure: stopp
            max_unavailable: 0%
            window: [Sat 02:00 3h]
            models: {}
            steps:
              - drian:
              - drain
              - {drain: , reboot: }
              - exec: {comand: x}
                timeout: 5
              - apply: bad.yaml
              - copy: {src: ../x, dest: etc/}
              - name: only a name
            """,
            files={"bad.yaml": "services:\n  web:\n    imag: x\n"},
        )
    )

    prefix = "ops/site.yaml:"
    verbs = "cordon, uncordon, drain, reboot, update, exec, copy, wait, gate, verify, apply"
    limit = "expected a number of at least 1, or a percentage from above 0% to 100%"
    assert [text.removeprefix(prefix) for text in found] == [
        'ops/bad.yaml:2: services.web: "image" is missing',
        'ops/bad.yaml:3: services.web: unknown key "imag"; did you mean "image"?',
        (
            "1: name: expected a name of a-z, 0-9 or '-', at most 41 long, that begins with a letter or digit, "
            'got "Winter!"'
        ),
        '2: unknown key "host"; did you mean "hosts"?',
        '3: hosts: no host named "web1"',
        f"4: serial[1]: {limit}, got 0",
        "5: max_fail: expected a whole number of at least 0, got -1",
        '6: on_failure: expected stop or continue, got "stopp"',
        f'7: max_unavailable: {limit}, got "0%"',
        (
            "8: window[0]: expected a window such as Sat 02:00 3h Europe/Amsterdam, "
            'got "Sat 02:00 3h": the time zone is missing'
        ),
        '9: "models" is not supported yet',
        f"11: steps[0]: a step has one verb: one of {verbs}",
        '11: steps[0]: unknown key "drian"; did you mean "drain"?',
        '12: steps[1]: a step is a mapping: write "drain:" with a colon',
        "13: steps[2]: a step has one verb; this one has drain and reboot",
        '14: steps[3].exec: "command" is missing',
        '14: steps[3].exec: unknown key "comand"; did you mean "command"?',
        f"15: steps[3].timeout: {DURATION}, got 5: the unit is missing",
        "16: steps[4]: apply must be the last step: it is about the whole cluster, not about a group",
        '17: steps[5].copy.dest: expected the absolute path of a file, with its name, got "etc/"',
        "17: steps[5].copy.src: the file must lie in the playbook's folder or below",
        f"18: steps[6]: a step has one verb: one of {verbs}",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hosts: all\n", '"steps" is missing: a list of what to do'),
        (
            "services: {web: {image: nginx}}\n",
            '"steps" is missing: a list of what to do; apply the services with clusterctl apply ops/site.yaml',
        ),
        ("steps: []\n", "steps: no steps: at least one is needed"),
        ("steps: {drain: }\n", "steps: expected a list, got a mapping"),
        ("{serial: [], steps: [{cordon: }]}\n", "serial: expected 1 to 100 sizes of groups, got a list"),
        (
            "{hosts: [h1], steps: [{cordon: }]}\n",
            "hosts: expected a selector such as all or web[01-03], got a list",
        ),
        ("{hosts: h1!h1, steps: [{cordon: }]}\n", "hosts: no host is left"),
        (
            "{window: [], steps: [{cordon: }]}\n",
            "window: no window: leave the key out to take those of the inventory",
        ),
        (
            "steps: [{apply: }]\n",
            "steps[0].apply: this playbook has no services; name one beside it, such as apply: shop.yaml",
        ),
        ("steps: [{update: }, {update: }]\n", "steps[1]: a second update; a playbook has one at most"),
        (
            "steps: [{update: {reboot: never}}, {reboot: }]\n",
            "steps[0]: update: reboot: never, but a reboot step follows; keep one",
        ),
        (
            "steps: [{reboot: }, {update: {reboot: if-needed}}]\n",
            "steps[1]: update: reboot: if-needed is a step of its own: add reboot: {if_needed: true} after it",
        ),
        (
            "steps: [{update: {reboot: always}}, {reboot: {if_needed: true}}]\n",
            "steps[0]: update: reboot: always is a step of its own: add reboot: after it",
        ),
    ],
)
def test_a_playbook_that_cannot_be_run_is_refused(text: str, expected: str) -> None:
    assert mistakes(lambda: steps(text)) == [f"ops/site.yaml:1: {expected}"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cordon: now", 'cordon: expected nothing after the colon, got "now"'),
        ("drain: 5m", 'drain: expected a mapping of deadline, got "5m"'),
        ("drain: {deadline: 500ms}", 'drain.deadline: expected a duration of whole seconds, got "500ms"'),
        ("drain: {deadline: 5m}, timeout: 4m", "timeout: timeout and drain.deadline differ; keep one"),
        ("reboot: {if_needed: yes}", 'reboot.if_needed: expected true or false, got "yes"'),
        ("update: {reboot: often}", 'update.reboot: expected if-needed or never or always, got "often"'),
        ("exec: ", 'exec: "command" is missing'),
        ("exec: true", "exec: expected a command, got true"),
        ("exec: ' '", 'exec: expected a command, got " "'),
        ('exec: "a\\eb"', "exec: a command may hold no control characters but tabs and line breaks"),
        ("exec: [a]", "exec: expected a mapping of command, on, creates, unless, got a list"),
        ("exec: {command: a, on: hosts}", 'exec.on: expected host or operator, got "hosts"'),
        (
            "exec: {command: a, on: operator, creates: /x}",
            "exec: creates is looked at on the host; it does not go with on: operator",
        ),
        ("exec: {command: a, creates: x}", 'exec.creates: expected an absolute path, got "x"'),
        ("copy: {src: a, dest: /a}", 'copy: no file "a"'),
        ("copy: {src: /a, dest: /a}", "copy.src: the file must lie in the playbook's folder or below"),
        ("copy: {src: b, dest: /etc/clusterctl/x}", 'copy.dest: "/etc/clusterctl/x" belongs to clusterctl'),
        ("copy: {src: b, dest: /a, mode: 0888}", "copy.mode: expected a file mode such as 0644, got 0888"),
        (
            "copy: {src: b, dest: /a, owner: -x}",
            'copy.owner: expected a user such as 1000:1000 or www-data, got "-x"',
        ),
        ("wait: ", "wait: how long? Write wait: 30s"),
        ("wait: {for: }", "wait: how long? Write wait: 30s"),
        ("wait: {for: 1s, seconds: 1}", "wait: for and seconds say the same; keep one"),
        ("wait: 30", f"wait: {DURATION}, got 30: the unit is missing"),
        ("wait: 25h", "wait: 25h is longer than a day"),
        ("wait: 2m, timeout: 1m", "timeout: shorter than the wait of 120 s"),
        ("gate: {}", 'gate: "command" is missing'),
        ("apply: c.yaml", 'apply: no file "c.yaml"'),
        ("cordon: , timeout: 0s", 'timeout: expected a duration longer than 0, got "0s"'),
    ],
)
def test_a_step_that_cannot_be_meant_is_refused(text: str, expected: str) -> None:
    assert step_mistakes(text, files={"b": "x"}) == [expected]


def test_files_that_are_too_large_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps_read, "MOST_FILE_BYTES", 2 * 1024**2)
    monkeypatch.setattr(steps_read, "MOST_FILES_BYTES", 3 * 1024**2)
    files = {"large": bytes(2 * 1024**2 + 1), "fits": bytes(2 * 1024**2)}

    one = step_mistakes("copy: {src: large, dest: /a}", files=files)
    all_of_them = mistakes(
        lambda: steps("steps: [{copy: {src: fits, dest: /a}}, {copy: {src: fits, dest: /b}}]\n", files=files)
    )

    assert one == ['copy: "large" is larger than 2 MiB']
    assert all_of_them == ["ops/site.yaml:1: steps[1].copy: the files of all steps are larger than 3 MiB"]


def test_a_file_that_cannot_be_read_is_a_mistake() -> None:
    def refuse(path: str) -> bytes:
        raise PermissionError(13, "Permission denied", path)

    fleet = inventory("{cluster: lab, hosts: {h1: }}")
    data = "steps: [{copy: {src: b, dest: /b}}]\n"

    found = mistakes(lambda: parse_steps_playbook(data, "f.yaml", inventory=fleet, read_file=refuse))

    assert found == ['f.yaml:1: steps[0].copy: cannot read "b": Permission denied']
