"""Ansible inventories as a source of hosts."""
