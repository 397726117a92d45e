"""Importing: histograms that were filled elsewhere, published as sets that all readers know."""
