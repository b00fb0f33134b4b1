"""The `steps:` of a playbook."""
