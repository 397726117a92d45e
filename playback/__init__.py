"""Record, replay and compare; and the benchmarks behind `dqmstream bench`."""
