"""The beam spot: where the beams collide, fitted to vertices and to tracks.

Pure: arrays in, fits out. Lengths are in cm, times in nanoseconds since 1970; slopes are dx/dz and
dy/dz.
"""
