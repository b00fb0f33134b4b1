"""Runtime keys of a service: what they are read as, and what is refused (bad-input rows 12 and 19)."""

from __future__ import annotations

import pytest

from clusterctl.model.inventory import Policy
from clusterctl.model.privilege import Allow
from clusterctl.model.runtime import Cgroup, Logging, Names, Namespaces, Runtime
from clusterctl.model.service import HealthCheck, Mount, Port, Resources, ServiceHook, Volume
from tests.parsing.tools import mistakes, playbook, service, service_mistakes

ALL = Policy(
    allow=Allow(
        privileged=("*",),
        host_pid=("shop/web",),
        host_ipc=("web",),
        host_uts=("web",),
        host_userns=("web",),
        host_cgroup=("web",),
        host_network=("web",),
        cgroup_parent=("web",),
        device_cgroup_rules=("web",),
        oom=("web",),
        docker_socket=("web",),
        devices=("/dev/dri", "/dev/fuse"),
        security_opt=("seccomp=unconfined",),
    )
)


def test_every_runtime_key_is_read() -> None:
    found = service(
        """
        annotations: {org.example.team: blue}, attach: false, blkio_config: {weight: 300,
        device_read_bps: [{path: /dev/sda, rate: 1mb}], weight_device: [{path: /dev/sda, weight: 400}]},
        cgroup: private, cgroup_parent: shop.slice, cpu_period: 50000, cpu_quota: 25000, cpu_shares: 512,
        cpuset: "0-1,3", device_cgroup_rules: ["c 1:3 rwm"], devices: [/dev/fuse, "/dev/dri:/dev/x:r",
        {source: /dev/dri/card0, permissions: rw}], dns: 1.1.1.1, dns_opt: ["ndots:2"], dns_search: [example.com],
        domainname: example.com, expose: [80, 53/udp, 9000-9001], extra_hosts: ["db=10.0.0.5", "gw:host-gateway"],
        group_add: [audio, 1001], hostname: front, ipc: shareable, logging: {driver: json-file, options: {max-size: 10m}},
        mac_address: "02:42:AC:11:00:02", mem_reservation: 64m, mem_swappiness: 0, memswap_limit: -1,
        oom_kill_disable: true, oom_score_adj: -500, pid: host, pids_limit: 100, platform: linux/amd64,
        runtime: runc, security_opt: ["no-new-privileges", seccomp=unconfined], shm_size: 128m, stdin_open: true,
        storage_opt: {size: 10g}, sysctls: {net.core.somaxconn: 1024}, tty: true,
        ulimits: {nproc: 65535, nofile: {soft: 1024, hard: 2048}}, userns_mode: host, working_dir: /srv
        """.replace("\n", " "),
        policy=ALL,
    )

    assert found.limits == Resources(pids=100)
    assert found.runtime == Runtime(
        devices=("/dev/fuse:/dev/fuse:rwm", "/dev/dri:/dev/x:r", "/dev/dri/card0:/dev/dri/card0:rw"),
        device_cgroup_rules=("c 1:3 rwm",),
        security_opt=("no-new-privileges=true", "seccomp=unconfined"),
        group_add=("audio", "1001"),
        sysctls={"net.core.somaxconn": "1024"},
        ulimits=("nofile=1024:2048", "nproc=65535:65535"),
        shm_size_bytes=128 * 1024**2,
        working_dir="/srv",
        platform="linux/amd64",
        runtime="runc",
        storage_opt={"size": "10737418240"},
        stdin_open=True,
        tty=True,
        expose=("80/tcp", "53/udp", "9000-9001/tcp"),
        annotations={"org.example.team": "blue"},
        logging=Logging("json-file", {"max-size": "10m"}),
        cgroup=Cgroup(
            parent="shop.slice",
            cpu_shares=512,
            cpu_quota_us=25_000,
            cpu_period_us=50_000,
            cpuset="0-1,3",
            memory_reservation_bytes=64 * 1024**2,
            memory_swap_bytes=-1,
            memory_swappiness=0,
            oom_score_adj=-500,
            oom_kill_disable=True,
            io=("blkio-weight=300", "blkio-weight-device=/dev/sda:400", "device-read-bps=/dev/sda:1048576"),
        ),
        names=Names(
            "front",
            "example.com",
            "02:42:ac:11:00:02",
            ("db:10.0.0.5", "gw:host-gateway"),
            ("1.1.1.1",),
            ("example.com",),
            ("ndots:2",),
        ),
        namespaces=Namespaces(cgroup="private", ipc="shareable", pid="host", user="host"),
    )


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("gpus: all", "all"),
        ("gpus: [{count: 2}]", "2"),
        ("gpus: [{device_ids: [GPU-1, GPU-2]}]", "device=GPU-1,GPU-2"),
        ("deploy: {resources: {reservations: {devices: [{capabilities: [gpu], driver: nvidia}]}}}", "all"),
        ("gpus: [{driver: amd, count: 1}]", "1;driver=amd"),
        (
            "deploy: {resources: {reservations: {devices: [{device_ids: [GPU-1], capabilities: [video, gpu, compute]}]}}}",
            "device=GPU-1;capabilities=compute,video",
        ),
    ],
)
def test_gpus_are_asked_for_by_either_key(keys: str, expected: str) -> None:
    assert service(keys).runtime.gpus == expected


def test_rights_of_devices_stand_in_any_order() -> None:
    """The rules are the examples of Compose's own documentation."""
    found = service(
        "devices: ['/dev/fuse:/dev/fuse:mr', {source: /dev/dri, permissions: wr}], device_cgroup_rules: [c 1:3 mr, 'a 7:* rmw']",
        policy=ALL,
    )

    assert found.runtime.devices == ("/dev/fuse:/dev/fuse:rm", "/dev/dri:/dev/dri:rw")
    assert found.runtime.device_cgroup_rules == ("c 1:3 rm", "a 7:* rwm")


def test_a_range_of_ports_is_its_ports() -> None:
    assert service('ports: ["127.0.0.1:8000-8001:80-81/udp", "9000-9001"]').ports == (
        Port(80, 8000, "udp", "127.0.0.1"),
        Port(81, 8001, "udp", "127.0.0.1"),
        Port(9000),
        Port(9001),
    )


def test_mounts_have_their_options() -> None:
    found = service(
        "volumes: ['/srv/a:/a:ro,z', 'data:/b:nocopy', "
        "{type: bind, source: /srv/c, target: /c, bind: {create_host_path: true, propagation: rslave}}, "
        "{type: volume, source: data, target: /d, volume: {subpath: x/y, nocopy: true}}, "
        "{type: tmpfs, target: /e, tmpfs: {size: 1m, mode: 1777}}]"
    )

    assert found.mounts == (
        Mount("bind", "/srv/a", "/a", read_only=True, selinux="z"),
        Mount("volume", "data", "/b", nocopy=True),
        Mount("bind", "/srv/c", "/c", create_host_path=True, propagation="rslave"),
        Mount("volume", "data", "/d", nocopy=True, subpath="x/y"),
    )
    assert found.tmpfs == ("/e:mode=1777,size=1048576",)


def test_a_volume_is_as_the_file_declares_it() -> None:
    project = playbook("""
        services:
          web: {image: nginx, volumes: ["data:/a", "old:/b"]}
        volumes:
          data: {driver: local, driver_opts: {type: nfs, o: "addr=10.0.0.9", device: ":/srv"}, labels: {team: blue}}
          old: {external: true, name: archive}
    """)

    assert project.volumes == ("data", "old")
    assert [mount.volume for mount in project.services[0].mounts] == [
        Volume(
            driver="local",
            driver_opts=(("device", ":/srv"), ("o", "addr=10.0.0.9"), ("type", "nfs")),
            labels=(("team", "blue"),),
        ),
        Volume("archive", external=True),
    ]


def test_labels_and_raw_variables_come_from_files() -> None:
    found = service(
        "label_file: team.labels, labels: {b: 3}, env_file: [{path: raw.env, format: raw}]",
        files={"team.labels": "# ours\na=1\nb=2\n", "raw.env": "A='$x'\n"},
    )

    assert found.labels == {"a": "1", "b": "3"}
    assert found.environment == {"A": "'$x'"}


def test_the_image_s_own_test_is_tuned() -> None:
    assert service("healthcheck: {interval: 5s, start_interval: 1s}").healthcheck == HealthCheck(
        (), interval_s=5.0, timeout_s=0.0, retries=0, start_period_s=0.0, start_interval_s=1.0
    )
    assert service("healthcheck: {}").healthcheck is None


def test_deploy_has_labels_and_pids() -> None:
    found = service(
        "deploy: {labels: {team: blue}, resources: {limits: {pids: 20}}}, pull_policy: if_not_present"
    )

    assert (found.deploy_labels, found.limits.pids, found.pull_policy) == ({"team": "blue"}, 20, "missing")


@pytest.mark.parametrize(
    ("keys", "grant", "words"),
    [
        ("privileged: true", "privileged: [web]", "privileged: web is privileged"),
        ("network_mode: host", "host_network: [web]", "network_mode: web is in the host's network"),
        ("pid: host", "host_pid: [web]", "pid: web sees the host's processes"),
        ("ipc: host", "host_ipc: [web]", "ipc: web shares the host's memory segments"),
        ("uts: host", "host_uts: [web]", "uts: web can rename the host"),
        ("userns_mode: host", "host_userns: [web]", "userns_mode: web has the host's user namespace"),
        ("cgroup: host", "host_cgroup: [web]", "cgroup: web has the host's cgroup namespace"),
        ("cgroup_parent: x.slice", "cgroup_parent: [web]", "cgroup_parent: web chooses its cgroup"),
        ("oom_score_adj: -1", "oom: [web]", "oom_score_adj: web is killed after others when memory is out"),
        ("oom_kill_disable: true", "oom: [web]", "oom_kill_disable: web is never killed when memory is out"),
        (
            "device_cgroup_rules: [c 1:3 r]",
            "device_cgroup_rules: [web]",
            "device_cgroup_rules: web opens devices by rule",
        ),
        ("devices: [/dev/kvm]", "devices: [/dev/kvm]", "devices[0]: web has the device /dev/kvm"),
        (
            "security_opt: [apparmor=unconfined]",
            "security_opt: [apparmor=unconfined]",
            "security_opt[0]: web runs with apparmor=unconfined",
        ),
    ],
)
def test_what_takes_something_of_the_host_needs_leave(keys: str, grant: str, words: str) -> None:
    """Row 19."""
    assert service_mistakes(keys) == [f"{words}: allow it in the inventory, policy.allow: {{{grant}}}"]


def test_a_volume_that_is_a_path_of_the_host_needs_leave_like_one() -> None:
    """Row 18: else `driver_opts` would be a way around."""
    found = mistakes(
        lambda: playbook("""
            services:
              web: {image: nginx, volumes: ["data:/a"]}
            volumes:
              data: {driver_opts: {type: none, o: bind, device: /etc}}
        """)
    )

    assert found == [
        (
            "shop.yaml:2: services.web.volumes: web has the host's /etc: "
            "allow it in the inventory, policy.allow: {host_paths: [/etc]}"
        )
    ]


def test_leave_for_one_service_is_none_for_another() -> None:
    text = "services: {web: {image: nginx, privileged: true}, db: {image: nginx, privileged: true}}\n"

    found = mistakes(lambda: playbook(text, policy=Policy(allow=Allow(privileged=("other/db", "shop/web")))))

    assert found == [
        (
            "shop.yaml:1: services.db.privileged: db is privileged: "
            "allow it in the inventory, policy.allow: {privileged: [db]}"
        )
    ]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (
            "devices: [vendor.com/gpu=0]",
            "devices[0]: a device is a path of the host such as /dev/fuse; names of CDI are not supported",
        ),
        (
            "devices: ['/dev/fuse:/dev/fuse:x']",
            'devices[0]: expected rights of r, w and m, got "/dev/fuse:/dev/fuse:x"',
        ),
        (
            "devices: ['/dev/fuse:/dev/fuse:rr']",
            'devices[0]: expected rights of r, w and m, got "/dev/fuse:/dev/fuse:rr"',
        ),
        (
            "device_cgroup_rules: ['c 1:3 ']",
            'device_cgroup_rules[0]: expected a rule such as c 1:3 rwm, got "c 1:3 "',
        ),
        ("ulimits: {nofiles: 1}", 'ulimits.nofiles: no limit named "nofiles"; did you mean "nofile"?'),
        ("ulimits: {nofile: {soft: 2, hard: 1}}", "ulimits.nofile: the soft limit is above the hard one"),
        ("ulimits: {nofile: {soft: 2}}", "ulimits.nofile: soft and hard are needed, or one number for both"),
        (
            "sysctls: {vm.max_map_count: 262144}",
            (
                "sysctls.vm.max_map_count: vm.max_map_count is the whole host's, and docker does not set it for a "
                "container; set it on the host"
            ),
        ),
        (
            "pid: 'service:db'",
            "pid: pid of another container: instances of two services may be on two hosts",
        ),
        (
            "network_mode: 'service:db'",
            "network_mode: the network of another container: instances of two services may be on two hosts",
        ),
        (
            "logging: {driver: splunk}",
            "logging.driver: splunk is not supported: its token would stand in the process list",
        ),
        (
            "logging: {driver: jornald}",
            (
                "logging.driver: expected one of awslogs, fluentd, gcplogs, gelf, journald, json-file, local, none, "
                'syslog, got "jornald": did you mean "journald"?'
            ),
        ),
        (
            "security_opt: [seccomp=/etc/x.json]",
            "security_opt[0]: a profile that is a file is not supported: it would have to be on every host",
        ),
        ("cpus: 1, cpu_quota: 1000", "cpus and cpu_quota say the same; keep one"),
        (
            "network_mode: none, ports: [80]",
            "network_mode: none has no ports of its own; leave ports and mac_address out",
        ),
        (
            "hostname: a_b",
            "hostname: expected a host name of letters, digits, '-' and '.', at most 63 long, got \"a_b\"",
        ),
        (
            "gpus: [{count: 1}, {count: 2}]",
            "gpus: one request for gpus is enough: give the ids in one, or a count",
        ),
        (
            "deploy: {resources: {reservations: {devices: [{count: 1}]}}}",
            "deploy.resources.reservations.devices[0]: capabilities: [gpu] is needed: docker can ask for no other devices",
        ),
        (
            "memswap_limit: 1g",
            "memswap_limit: docker takes none without mem_limit: it is memory and swap together",
        ),
        (
            "mem_limit: 1g, memswap_limit: 512m",
            "memswap_limit: it is memory and swap together, and cannot be below mem_limit",
        ),
        ("mem_limit: 32m, mem_reservation: 64m", "mem_reservation: it cannot be above mem_limit"),
        (
            "stop_grace_period: 9h, pre_stop: [{command: a}, {command: b}]",
            "stop_grace_period: a stop takes so long, and as long for each command of pre_stop: a day in all is the most",
        ),
        ("volumes: [/srv/a:/a], tmpfs: '/a:size=1m'", "tmpfs: /a is mounted by volumes, too; keep one"),
        ("pull_policy: daily", "pull_policy: daily is not supported: write always, missing or never"),
        (
            "pids_limit: 1, deploy: {resources: {limits: {pids: 2}}}",
            "pids_limit and deploy.resources.limits.pids differ; keep one",
        ),
        ("extra_hosts: [db]", 'extra_hosts[0]: expected a host such as db=10.0.0.5, got "db"'),
        ("label_file: none.labels", 'label_file: no file "none.labels"'),
    ],
)
def test_a_runtime_key_that_cannot_be_meant_is_refused(keys: str, expected: str) -> None:
    assert [text.removeprefix("shop.yaml:1: services.web: ") for text in service_mistakes(keys)] == [expected]


def test_bounds_of_memory_that_docker_takes_together_are_taken() -> None:
    found = service("mem_limit: 64m, memswap_limit: 64m, mem_reservation: 64m")

    assert (found.limits.memory_bytes, found.runtime.cgroup.memory_swap_bytes) == (64 << 20, 64 << 20)
    assert service("memswap_limit: -1").runtime.cgroup.memory_swap_bytes == -1


def test_hooks_are_read() -> None:
    found = service(
        "post_start: [{command: echo 'a b', user: '1000', working_dir: /srv}], "
        "pre_stop: [{command: [sync], privileged: true}]",
        policy=ALL,
    )

    assert found.post_start == (ServiceHook(("echo", "a b"), "1000", "/srv"),)
    assert found.pre_stop == (ServiceHook(("sync",), privileged=True),)
    assert found.stop_s == 20


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("post_start: [{user: '1'}]", 'services.web.post_start[0]: "command" is missing'),
        (
            "pre_stop: [{command: a, environment: {A: b}}]",
            (
                'services.web.pre_stop[0]: "environment" is not supported: its values would stand in the unit; '
                "give them to the service"
            ),
        ),
        (
            "post_start: [{command: a, privileged: true}]",
            (
                "services.web.post_start: web has a privileged command: "
                "allow it in the inventory, policy.allow: {privileged: [web]}"
            ),
        ),
    ],
)
def test_a_hook_that_cannot_be_meant_is_refused(keys: str, expected: str) -> None:
    found = mistakes(lambda: playbook(f"services: {{web: {{image: nginx, {keys}}}}}\n"))

    assert found == [f"shop.yaml:1: {expected}"]
