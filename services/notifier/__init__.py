"""The notifier: tells receivers of alarms."""
