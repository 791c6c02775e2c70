"""`python -m modelctl`."""

from modelctl.cli.main import run

if __name__ == "__main__":
    run()
