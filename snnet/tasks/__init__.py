"""What networks are asked: what their outputs mean, how they learn, and how they are scored."""
