"""Words that somebody made to break things, and what systemd and docker make of our units with them.

`hostile` makes the words, `systemd` and `docker` hand them to real programs in a lab's host and hear what arrives;
the sample for `make e2e` is in `tests/e2e/test_words.py`, the whole of it is `make fuzz`.
"""
