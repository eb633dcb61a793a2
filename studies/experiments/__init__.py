"""Experiments of the studies: methods of `snnet` bound to the machinery of `ablations`."""
