"""Quality tests: pure functions of stacks, one family a module."""
