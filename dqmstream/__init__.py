"""Streaming online data quality monitoring for collider experiments."""

__all__ = ["__version__"]

__version__ = "0.1.0"
