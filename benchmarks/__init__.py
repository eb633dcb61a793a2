"""How much faster the project's ways are than the plain ones: `python -m benchmarks --help`."""
