"""Layouts: which plots a page shows together, how they are drawn, and what the shifter is told."""
