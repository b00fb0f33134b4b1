"""Text in: YAML, inventory, Compose files, selectors. Takes text, never paths; lists every mistake."""
