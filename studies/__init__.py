"""What is asked: one short file a study, each with a STUDY."""
