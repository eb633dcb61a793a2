"""How figures look, and what a figure is."""
