"""Runs on disk: the home, run directories, who holds a run, and what an attempt sees."""
