"""The log between the services: its port, the log in memory, the log in a folder."""
