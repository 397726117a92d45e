"""Analyses: what fills a workspace from all events of a closed lumisection together."""
