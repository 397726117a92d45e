"""Log lines: for people in a terminal, or JSON in the fields of ECS."""
