"""Compose files: every key, how files are laid over one another, and what editors know of them."""
