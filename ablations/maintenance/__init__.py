"""Clearing up: what crashes left behind, and what takes up space."""
