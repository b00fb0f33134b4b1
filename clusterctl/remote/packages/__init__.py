"""OS updates on hosts: the drivers, their steps as calls in a script, and their part of a look.

What is updated when is decided in `planning.update`; what a host does is in `shell/updates*.sh`.
"""

from clusterctl.remote.packages.drivers import DRIVERS, Driver
from clusterctl.remote.packages.facts import parse_packages
from clusterctl.remote.packages.steps import CALLS

LOOK_LIBRARY = "look_packages"
"""The shell file (without suffix) whose function `look_packages` a look calls when packages are asked for."""

LOOK_PACKAGES_S = 420.0
"""How much longer such a look may take, in seconds."""

__all__ = ["CALLS", "DRIVERS", "LOOK_LIBRARY", "LOOK_PACKAGES_S", "Driver", "parse_packages"]
