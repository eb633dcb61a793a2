"""Benchmarks for a GPU; each also runs on the CPU, to be tried."""
