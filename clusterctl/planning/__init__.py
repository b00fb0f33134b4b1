"""What to do, pure: (inventory, desired, snapshot, policy, now) -> Plan. No I/O, clock or chance."""
