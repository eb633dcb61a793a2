# Each target only calls what a person could call; `make -n TARGET` shows it.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: install demo gallery test quick bench lint docs clean

install: .venv/installed

.venv/installed: pyproject.toml tested-versions.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint tested-versions.txt --editable '.[dev]'
	touch $@

demo: .venv/installed
	$(BIN)/ablate run overview
	$(BIN)/ablate report overview
	@echo "Open the report in a browser; the runs are shown by: $(BIN)/ablate ui"

# ratios against the plain way, measured side by side; an hour and forty minutes on two cores
bench: .venv/installed
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks --gpu  # says so where there is none

# every study with claims on digits, ten seeds each, the core ones on Fashion-MNIST, three each, and
# what they say: about an hour and a half on two cores
STUDIES := initialisation epochs direction windows pairs calibration sampling tuning pretrained \
           scratch interpolation solve rates
CORE := initialisation epochs direction windows sampling tuning
GALLERY := $(BIN)/ablate --home outputs/gallery
REPORT := $(GALLERY) report
gallery: .venv/installed
	for study in $(STUDIES); do $(GALLERY) run $$study || exit 1; done
	for study in $(CORE); do \
	  $(GALLERY) run $$study --scale fashion-small --seeds 3 || exit 1; done
	$(REPORT) --all
	mkdir -p docs/results
	cp outputs/gallery/reports/claims.* outputs/gallery/reports/scales.* \
	  outputs/gallery/reports/forest.* docs/results
	$(BIN)/python -m benchmarks.halves outputs/gallery > docs/results/halves.md
	for study in $(STUDIES); do mkdir -p docs/results/$$study && \
	  cp outputs/gallery/reports/$$study/*accuracy.png docs/results/$$study || exit 1; done
	for study in $(CORE); do mkdir -p docs/results/fashion/$$study && \
	  cp outputs/gallery/reports/$$study-fashion-small/*accuracy.png docs/results/fashion/$$study \
	  || exit 1; done
	cp outputs/gallery/reports/scratch/cost.png docs/results/scratch
	$(REPORT) scratch --figure cost --format md --output docs/results/scratch
	cp outputs/gallery/reports/interpolation/latency.png \
	  outputs/gallery/reports/interpolation/residual.png docs/results/interpolation
	$(REPORT) --published --format png --output docs/results/published

test: .venv/installed
	$(BIN)/pytest -n 4  # of which two mostly wait: for SLURM, for heartbeats

# without what starts processes, SLURM or a browser
quick: .venv/installed
	$(BIN)/pytest -n 2 -m "not slow"

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# the pages of docs/ and a reference from the docstrings, as a site in site/
docs: .venv/installed
	$(BIN)/python docs/gather.py
	$(BIN)/zensical build --strict

clean:
	rm -rf .venv site build .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
