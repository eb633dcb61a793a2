"""What was found: figures, tables and pages, drawn from tracked runs alone."""
