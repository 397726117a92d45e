"""The analyser: closed LSs of `dqm.events` into workspaces that no expression could fill."""
