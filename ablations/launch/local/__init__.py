"""This machine: workers as processes of it."""
