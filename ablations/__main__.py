"""`python -m ablations`: the same as `ablate`."""

from ablations.cli.main import main

if __name__ == "__main__":
    main(prog_name="ablate")
