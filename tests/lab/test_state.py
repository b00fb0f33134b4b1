from __future__ import annotations

import stat
from pathlib import Path

import pytest

from clusterctl.lab import keys, state


def test_the_state_folder_is_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CLUSTERCTL_STATE", str(tmp_path))

    assert state.inventory_path("dev") == tmp_path / "labs" / "dev" / "inventory.yaml"


def test_without_a_word_it_follows_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CLUSTERCTL_STATE", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    assert state.state_root() == tmp_path / "clusterctl"


def test_only_the_owner_may_look_into_a_lab(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CLUSTERCTL_STATE", str(tmp_path))

    path = state.make_folder("dev")
    state.write(path / "id_ed25519", b"secret")

    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE((path / "id_ed25519").stat().st_mode) == 0o600
    assert [each.name for each in path.iterdir()] == ["id_ed25519"]


def test_the_right_to_change_a_lab_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CLUSTERCTL_STATE", str(tmp_path))

    with state.exclusively("dev"):
        assert (tmp_path / "labs" / ".dev.lock").exists()

    assert not list((tmp_path / "labs").iterdir())


def test_a_key_read_again_has_the_same_public_half() -> None:
    key = keys.make_key()

    assert key.public.startswith("ssh-ed25519 AAAA")
    assert keys.read_key(key.private).public == key.public
