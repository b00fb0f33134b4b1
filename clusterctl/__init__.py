"""clusterctl: containers on a fleet of plain Linux hosts, over SSH, without daemons of its own."""

__version__ = "0.1.0"
