"""Studies: one short file each, with a STUDY."""
