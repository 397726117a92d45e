"""Versions of configuration on the log: followed by several services, written by the gateway."""
