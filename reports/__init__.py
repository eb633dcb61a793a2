"""What was found: figures, tables and pages, drawn from tracked runs alone.

Its parts, each of which imports only from those above it:

statistics/  estimates, tests, verdict rules: pure functions of numbers
data/        what figures and verdicts are made from, as tables
drawing/     how figures look, and what a figure is
figures/     the figures, one a file
pages/       pages and tables for people
own.py       figures and measures of users
build.py     what `ablate report` calls
"""

import os

# only files are drawn, whatever a notebook or a desktop has set; read when matplotlib is imported
os.environ["MPLBACKEND"] = "Agg"
