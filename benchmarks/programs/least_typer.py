"""The least Typer program: it prints its help and its version, and can do nothing else."""

import typer

app = typer.Typer(rich_markup_mode=None, add_completion=False)


def _version(wanted: bool) -> None:
    if wanted:
        print("least 1.0")
        raise typer.Exit


@app.command()
def least(version: bool = typer.Option(False, "--version", callback=_version, is_eager=True)) -> None:
    """Do nothing."""


if __name__ == "__main__":
    app()
