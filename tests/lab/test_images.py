from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from clusterctl.errors import InputError, LabError
from clusterctl.lab import host_image, service_image
from clusterctl.lab.service_image import Behaviour

SCRIPTS = ["lab-init", "customize", "hello", "answer", "args"]


def test_the_image_is_kept_under_a_name_that_holds_its_recipe() -> None:
    repository, _, tag = host_image.reference().partition(":")

    assert repository == "clusterctl-lab-host"
    assert len(tag) == 12
    assert set(tag) <= set("0123456789abcdef")


def test_a_changed_recipe_is_another_image(monkeypatch: pytest.MonkeyPatch) -> None:
    before = host_image.reference()
    monkeypatch.setattr(host_image, "SUITE", "trixie")

    assert host_image.reference() != before


def test_every_file_of_the_recipe_counts() -> None:
    services = {"hello", "answer", "args", "haproxy", "redis"}

    assert {each.name for each in host_image.DATA.iterdir()} - services == set(host_image._RECIPE)


def test_the_image_id_is_the_last_digest_of_the_engines_answer() -> None:
    answer = '{"status":"Importing"}\r\n{"status":"sha256:' + "a" * 64 + '"}\r\n'

    assert host_image.imported_id(answer) == "sha256:" + "a" * 64


def test_an_answer_without_a_digest_is_shown() -> None:
    with pytest.raises(LabError) as caught:
        host_image.imported_id("no space left on device")

    assert caught.value.details == ("no space left on device",)


def test_the_same_service_is_the_same_layer() -> None:
    first = service_image._layer.__wrapped__(b"busybox")
    second = service_image._layer.__wrapped__(b"busybox")

    assert first == second
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(first))) as tar:
        assert tar.getmember("bin/hello").mode == 0o755
        assert tar.getmember("bin/printargs").linkname == "hello"


def test_a_service_is_told_its_behaviour_by_its_environment() -> None:
    config = json.loads(service_image._config(Behaviour("2.0", 5, "late:9"), "amd64", "sha256:1"))

    assert config["config"]["Env"] == ["PATH=/bin", "VERSION=2.0", "START_DELAY=5", "FAIL=late:9"]
    assert config["config"]["Cmd"] == ["/bin/hello"]


@pytest.mark.parametrize("fail", ["", "exit", "unhealthy", "deaf", "late:0", "late:30"])
def test_a_known_way_of_failing_is_taken(fail: str) -> None:
    assert service_image.check_fail(fail) == fail


@pytest.mark.parametrize("fail", ["late", "late:", "late:x", "late:-1", "burn", "exit:1"])
def test_an_unknown_way_of_failing_is_refused(fail: str) -> None:
    with pytest.raises(InputError) as caught:
        service_image.check_fail(fail)

    assert caught.value.message == f"a service image cannot fail by {fail!r}"


@pytest.mark.parametrize(("repository", "tag"), [("hello", "1.0"), ("team/hello-2", "v1_x")])
def test_a_name_that_docker_can_pull_is_taken(repository: str, tag: str) -> None:
    service_image.check_reference(repository, tag)


@pytest.mark.parametrize(
    ("repository", "tag"), [("Hello", "1"), ("hello/", "1"), ("hello", ""), ("hello", "a/b")]
)
def test_a_name_that_docker_cannot_pull_is_refused(repository: str, tag: str) -> None:
    with pytest.raises(InputError) as caught:
        service_image.check_reference(repository, tag)

    assert caught.value.message == f"{repository}:{tag} cannot be the name of an image"


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_scripts_are_clean_shell(name: str) -> None:
    shellcheck = Path(sys.executable).with_name("shellcheck")

    done = subprocess.run(
        [str(shellcheck), str(host_image.DATA / name)], capture_output=True, text=True, check=False
    )

    assert done.stdout == ""
    assert done.returncode == 0
