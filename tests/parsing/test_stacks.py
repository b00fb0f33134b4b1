"""Five Compose files as the documentation of public projects shapes them: planned on five hosts, or told what to change."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from clusterctl.model.inventory import Policy
from clusterctl.model.service import Project
from clusterctl.parsing.compose.layers import Layers
from clusterctl.parsing.compose.playbook import parse_playbook
from clusterctl.parsing.inventory.file import parse_inventory
from clusterctl.planning.deploy import plan_apply
from tests.builders import a_host, an_inventory
from tests.fake_cluster import FakeCluster
from tests.parsing.tools import mistakes
from tests.planning.worlds import look

STACKS = Path(__file__).parent / "stacks"
BESIDE = {"prometheus.yml": "global: {}\n", "alertmanager.yml": "route: {}\n", "grafana_password": "s3cret\n"}
SECRETS = {"TAG": "2.1", "DB_PASSWORD": "s3cret"}


NAMED = "containers are named PROJECT-SERVICE-NUMBER: leave it out, or lay !reset over it with -f"


def policy(allow: str) -> Policy:
    text = f"cluster: test\nhosts: {{h1: }}\npolicy: {{allow: {allow}}}\n"
    return parse_inventory(text, "inventory.yaml").policy


def read_beside(path: str) -> str:
    name = path.removeprefix("./")
    if name not in BESIDE:
        raise FileNotFoundError(path)
    return BESIDE[name]


def stack(name: str, allowed: Policy | None = None, over: str = "", **layers: object) -> Project:
    more = (("over.yaml", over),) if over else ()
    return parse_playbook(
        (STACKS / f"{name}.yaml").read_bytes(),
        f"{name}.yaml",
        read_file=read_beside,
        policy=allowed or Policy(),
        default_name=name,
        layers=Layers(more, **layers),  # type: ignore[arg-type]
    )


def planned(project: Project) -> Counter[str]:
    """Plan on five hosts in three zones; return how many instances of each service are created."""
    hosts = [a_host(f"h{n}", zone="abcab"[n - 1], memory_mb=8192) for n in range(1, 6)]
    cluster = FakeCluster(an_inventory(hosts), {service.image for service in project.services})

    plan = plan_apply(cluster.inventory, project, look(cluster, project))

    assert (plan.blocked, plan.unplaced) == ((), ())
    return Counter(change.instance.service for change in plan.changes if change.kind == "create")


def test_a_web_application_with_postgres_and_redis_is_planned() -> None:
    shop = stack("shop", variables=SECRETS)

    assert planned(shop) == {"web": 3, "worker": 1, "db": 1, "cache": 1}
    assert shop.services[3].environment == {
        "DATABASE_URL": "postgres://shop:s3cret@db:5432/shop",
        "REDIS_URL": "redis://cache:6379/0",
        "LOG_LEVEL": "info",
        "CONCURRENCY": "4",
    }


def test_a_web_application_without_its_variables_says_which() -> None:
    assert mistakes(lambda: stack("shop")) == [
        "shop.yaml:5: services.web.image: variable TAG is needed: the version to run",
        "shop.yaml:5: services.worker.image: variable TAG is needed: the version to run",
        "shop.yaml:7: services.web.environment.DATABASE_URL: variable DB_PASSWORD is needed: the password of the database",
        "shop.yaml:7: services.worker.environment.DATABASE_URL: variable DB_PASSWORD is needed: the password of the database",
        "shop.yaml:38: services.db.environment[2]: variable DB_PASSWORD is needed: the password of the database",
    ]


def test_a_monitoring_stack_says_what_to_change() -> None:
    asked = "allow it in the inventory, policy.allow:"

    assert mistakes(lambda: stack("monitoring")) == [
        'monitoring.yaml:22: services.prometheus: "container_name" is not supported: ' + NAMED,
        (
            "monitoring.yaml:57: services.node-exporter.network_mode: node-exporter is in the host's network: "
            f"{asked} {{host_network: [node-exporter]}}"
        ),
        (
            "monitoring.yaml:58: services.node-exporter.pid: node-exporter sees the host's processes: "
            f"{asked} {{host_pid: [node-exporter]}}"
        ),
        f"monitoring.yaml:59: services.node-exporter.volumes[0]: node-exporter has the host's /: {asked} {{host_paths: [/]}}",
    ]


def test_a_monitoring_stack_that_was_changed_so_is_planned() -> None:
    allowed = "{host_network: [node-exporter], host_pid: [node-exporter], host_paths: [/]}"

    monitoring = stack("monitoring", policy(allowed), (STACKS / "monitoring.cluster.yaml").read_text())

    assert planned(monitoring) == {"prometheus": 1, "alertmanager": 1, "grafana": 1, "node-exporter": 5}


def test_a_wiki_is_planned() -> None:
    assert planned(stack("wiki")) == {"db": 1, "wiki": 1}


def test_a_message_broker_is_planned() -> None:
    assert planned(stack("broker")) == {"rabbitmq": 1}


def test_a_git_server_says_what_to_change() -> None:
    asked = "allow it in the inventory, policy.allow:"

    assert mistakes(lambda: stack("git")) == [
        'git.yaml:11: services.server: "container_name" is not supported: ' + NAMED,
        (
            "git.yaml:19: services.server.volumes[0]: a relative path has no meaning on another host; write an absolute path"
        ),
        (
            "git.yaml:20: services.server.volumes[1]: server has the host's /etc/timezone: "
            f"{asked} {{host_paths: [/etc/timezone]}}"
        ),
        (
            "git.yaml:21: services.server.volumes[2]: server has the host's /etc/localtime: "
            f"{asked} {{host_paths: [/etc/localtime]}}"
        ),
    ]


def test_a_git_server_that_was_changed_so_is_planned() -> None:
    over = "services: {server: {container_name: !reset null, volumes: !override ['data:/data']}}\nvolumes: {data: {}}\n"

    assert planned(stack("git", over=over)) == {"server": 1}
