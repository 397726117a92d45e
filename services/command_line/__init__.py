"""The commands: their options, and how they are called."""
