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
    written = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for suffix, text in texts.items():
            path = folder / f"{name}.{suffix}"
            fresh = folder / f".{name}.{suffix}.{os.getpid()}"
            fresh.write_text(text, encoding="utf-8")
            fresh.replace(path)
            written[suffix] = path.resolve()
    except OSError as exc:
        raise ConfigurationError(
            f"{folder.resolve()} cannot be written to: {exc.strerror}; the review is in the "
            "database: make it anew for its files"
        ) from exc
    return written
