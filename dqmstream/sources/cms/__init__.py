"""CMS streamer files: the `.dat` and `.jsn` pairs in which the high-level trigger ships events."""
