"""MLflow: what is delivered there, read back from there, and shown in its UI."""
