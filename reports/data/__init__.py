"""What figures and verdicts are made from, as tables."""
