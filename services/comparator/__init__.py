"""The comparator: contents into quality reports."""
