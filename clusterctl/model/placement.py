"""Instances, where they go, and why they may not go elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True, order=True)
class Instance:
    """One numbered copy of a service; slots count from 1."""

    project: str
    service: str
    slot: int

    @cached_property
    def name(self) -> str:
        """The instance's and its container's name, as Compose names containers."""
        return f"{self.project}-{self.service}-{self.slot}"

    @cached_property
    def unit(self) -> str:
        """The file name of the instance's systemd unit."""
        return f"clusterctl-{self.name}.service"

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, order=True)
class Refusal:
    """Why an instance may not be on a host."""

    host: str
    reason: str


@dataclass(frozen=True, slots=True, order=True)
class Placement:
    """An instance on a host, decided."""

    instance: Instance
    host: str


@dataclass(frozen=True, slots=True)
class Unplaced:
    """An instance that no host may take, with the refusal of every host."""

    instance: Instance
    needs: str
    refusals: tuple[Refusal, ...]
