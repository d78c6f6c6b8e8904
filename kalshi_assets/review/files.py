"""A review's files: written whole or not at all, in place of those that were there."""

import os
from collections.abc import Mapping
from pathlib import Path

from kalshi_assets.errors import ConfigurationError


def write_files(folder: Path, name: str, texts: Mapping[str, str]) -> dict[str, Path]:
    """Write a text for each suffix, and return where.

    Raises:
        ConfigurationError: the folder cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return {suffix: _write(folder / f"{name}.{suffix}", text) for suffix, text in texts.items()}
    except OSError as exc:
        raise ConfigurationError(
            f"{folder.resolve()} cannot be written to: {exc.strerror}; the review is in the "
            "database: make it anew for its files"
        ) from exc


def _write(path: Path, text: str) -> Path:
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    return path.resolve()
