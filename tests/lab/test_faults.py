from __future__ import annotations

import pytest

from clusterctl.errors import InputError
from clusterctl.lab import faults


def test_every_fault_has_its_opposite() -> None:
    assert set(faults.FAULTS) == {
        *("kill", "start", "pause", "unpause", "cut", "heal"),
        *("cut-operator", "heal-operator"),
        *("stop-docker", "start-docker", "hang-docker", "wake-docker"),
        *("hang-containerd", "wake-containerd", "hang-systemd", "wake-systemd"),
        *("stop-sshd", "start-sshd"),
    }


def test_an_unknown_fault_is_answered_with_those_there_are() -> None:
    with pytest.raises(InputError) as caught:
        faults.find_fault("stop-ssh")

    assert caught.value.message == "there is no fault stop-ssh"
    assert caught.value.details == (f"faults: {', '.join(faults.FAULTS)}",)
    assert caught.value.next_step == "did you mean stop-sshd?"
