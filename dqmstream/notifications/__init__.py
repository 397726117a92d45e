"""Notifications: which steps of alarms are told to whom, and what became of telling. Pure."""
