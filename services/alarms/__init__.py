"""The service of alarms: reports, heartbeats and commands in, steps and states of alarms out."""
