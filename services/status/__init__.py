"""`dqmstream status`: how far everything is, read from the log."""
