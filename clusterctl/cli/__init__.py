"""What is typed and shown: verbs, tables, JSON, messages, exit codes."""
