"""The display service: single events out of the stream, for the eye."""
