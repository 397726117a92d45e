"""Made-up events as CMS writes them: whole streamer files without a detector.

They have the products of real streams, with members that fit each other (a track's errors to its
scatter, a jet's energies to its mass), and one seed is one run, to the bit. Their physics is
coarse: they are for tests, demos and examples.
"""
