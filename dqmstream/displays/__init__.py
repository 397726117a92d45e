"""Single events for the eye: which are picked, and what of them is drawn. No clock, no log."""
