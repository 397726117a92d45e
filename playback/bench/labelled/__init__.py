"""Verdicts of quality tests on LSs that people certified."""
