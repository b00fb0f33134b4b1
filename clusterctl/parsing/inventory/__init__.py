"""The inventory file, its parts and its sources."""
