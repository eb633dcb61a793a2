"""What the studies run: methods of `snnet` bound to the machinery of `ablations`."""
