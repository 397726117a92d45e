"""The contracts: what travels on each topic. Structs, topics and the wire codec; nothing else."""
