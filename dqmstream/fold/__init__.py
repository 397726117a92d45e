"""The exactness protocol: the pure fold of a partition, its checkpoints, and the readers' merge."""
