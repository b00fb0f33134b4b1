"""ssh_config as a source of hosts and of options."""
