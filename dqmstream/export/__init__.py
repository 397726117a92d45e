"""MonitorElements in the formats of other programs: ROOT, Arrow, Parquet, NumPy, CSV, UHI.

Pure functions from elements with their contents, and what is known of them, to bytes; and writers
of one element over many lumisections, piece by piece, in bounded memory.
"""
