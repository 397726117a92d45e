"""Where events come from: recorded files and synthetic detectors."""
