"""Getting a plan done: workers, and where they run."""
