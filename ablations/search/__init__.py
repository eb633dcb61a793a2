"""`ablate search`: Optuna chooses settings over the axes of a study."""
