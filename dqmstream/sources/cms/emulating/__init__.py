"""Writing a folder of streamer files as the filter farm does it: from recorded files, in time."""
