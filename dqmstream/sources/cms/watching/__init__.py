"""Watching folders in which streamer files appear, run by run and LS by LS."""
