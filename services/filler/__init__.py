"""The filler: partitions of `dqm.events` into contents per LS, exact through crashes."""
