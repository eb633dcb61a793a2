"""What is printed: tables, progress, where runs stand."""
