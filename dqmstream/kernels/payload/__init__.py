"""Compiled readers of event payloads."""
