"""What is asked: studies, claims, experiments, and the plans that they expand to."""
