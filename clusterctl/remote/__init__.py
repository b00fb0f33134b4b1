"""Doing: the only room (beside lab) that imports fabric, paramiko and docker."""
