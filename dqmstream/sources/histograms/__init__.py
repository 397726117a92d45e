"""Histograms that were filled elsewhere: read from files, and made into HistogramSets.

`reading` opens files of any known format and gives one stream of histograms and rejections,
`fitting` makes of them the booking of a workspace and contents per lumisection, and `sets` the
messages that readers know. Only `reading` and what it calls touch files.
"""
