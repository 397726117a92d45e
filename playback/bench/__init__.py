"""The benchmarks behind `dqmstream bench`: each checks its own answer."""
