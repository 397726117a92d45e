"""Verdicts on the synthetic detector: faults of known size, and quiet running."""
