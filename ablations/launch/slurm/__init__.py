"""SLURM: what jobs may use, submitting them, finding them again."""
