"""Event payloads of CMS streamer files: products as arrays, by tables of their classes."""
