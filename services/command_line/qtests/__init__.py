"""The commands about quality tests."""
