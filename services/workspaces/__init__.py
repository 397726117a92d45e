"""Workspaces that were posted: followed on `dqm.configuration` by fillers and by the gateway."""
