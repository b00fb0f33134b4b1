"""Throw-away clusters of real hosts (systemd, sshd, dockerd) for demonstrations and tests."""
