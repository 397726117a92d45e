"""The recorder: the log into the store."""
