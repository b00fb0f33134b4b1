from __future__ import annotations

from clusterctl.lab.capabilities import Rights, choose_rights
from clusterctl.lab.hosts import run_options

COMPLETE = "Name:\tpython\nCapEff:\t0000000000000000\nCapBnd:\t000001ffffffffff\nCapAmb:\t0\n"
WITHOUT_SYS_RESOURCE = "Name:\tpython\nCapBnd:\t000001fffeffffff\n"


def test_a_complete_machine_with_cgroup_v2_gives_privileged_hosts() -> None:
    assert choose_rights("2", COMPLETE).privileged


def test_cgroup_v1_needs_its_hierarchies_remounted_so_it_gets_a_list() -> None:
    rights = choose_rights("1", COMPLETE)

    assert not rights.privileged
    assert "SYS_RESOURCE" in rights.capabilities


def test_a_machine_that_lacks_a_capability_would_refuse_privileged() -> None:
    rights = choose_rights("2", WITHOUT_SYS_RESOURCE)

    assert not rights.privileged
    assert "SYS_RESOURCE" not in rights.capabilities
    assert {"SYS_ADMIN", "NET_ADMIN", "MKNOD", "SETPCAP"} <= set(rights.capabilities)


def test_nothing_that_could_load_code_into_the_kernel_is_granted() -> None:
    rights = choose_rights("1", COMPLETE)

    assert not {"SYS_MODULE", "SYS_RAWIO"} & set(rights.capabilities)


def test_the_clock_is_granted_for_the_prologue_which_gives_it_up() -> None:
    # image/lab-init needs it to give a boot its own uptime; the e2e tests see that no host keeps it.
    assert "SYS_TIME" in choose_rights("1", COMPLETE).capabilities


def test_an_engine_elsewhere_is_taken_for_complete() -> None:
    assert choose_rights("2", None).privileged
    assert not choose_rights("1", None).privileged


def test_other_tools_are_told_how_docker_runs_a_host_that_goes_with_its_volume() -> None:
    assert run_options(Rights(privileged=True, capabilities=("CHOWN",))) == [
        "--privileged",
        "--cgroupns=private",
        "--stop-signal=SIGRTMIN+3",
        "--restart=unless-stopped",
        "--tmpfs=/run",
        "--tmpfs=/run/lock",
        "--tmpfs=/tmp",
        "--volume=/var/lib/docker",
    ]


def test_without_privileges_other_tools_are_told_each_right_by_name() -> None:
    assert run_options(Rights(privileged=False, capabilities=("CHOWN", "SYS_ADMIN")))[:5] == [
        "--cap-add=CHOWN",
        "--cap-add=SYS_ADMIN",
        "--security-opt=seccomp=unconfined",
        "--security-opt=apparmor=unconfined",
        "--device-cgroup-rule=a *:* rwm",
    ]
