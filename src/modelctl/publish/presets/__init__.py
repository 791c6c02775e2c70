"""Mappings that come with modelctl, each for the tables of one kind of application: a file here, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelctl.core.text import require_known
from modelctl.core.toml import parsed

_DIRECTORY = Path(__file__).parent


def preset_names() -> list[str]:
    """All of them."""
    return sorted(path.stem for path in _DIRECTORY.glob("*.toml"))


def preset_text(name: str) -> str:
    """The file of a preset. UsageError for one that there is not."""
    require_known(name, preset_names(), "preset")
    return (_DIRECTORY / f"{name}.toml").read_text(encoding="utf-8")


def preset(name: str) -> Mapping[str, Any]:
    """What a preset states, besides what it `fits`. As `preset_text`."""
    return {key: value for key, value in parsed(preset_text(name)).items() if key != "fits"}


def preset_fits(name: str) -> str:
    """Which application a preset is for."""
    return str(parsed(preset_text(name))["fits"])
