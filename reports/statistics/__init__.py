"""Estimates, tests and verdict rules; pure functions of numbers."""
