"""Kernels: the only Numba. Filling all elements of a workspace in one call."""
