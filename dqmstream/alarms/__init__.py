"""Alarms as a pure fold: verdicts, conditions, commands and time in, steps of alarms out."""
