"""The catalogue of references as it is on the log, for the services that read it."""
