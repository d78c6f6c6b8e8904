"""A group of commands that are imported when they are asked for: a service keeps what it uses."""

from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """A group that knows of further commands which module has them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._modules: dict[str, str] = {}

    def add_later(self, module: str, *names: str) -> None:
        """Add commands of a module by name; it has them under that name, with `_` for `-`."""
        self._modules |= dict.fromkeys(names, module)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted({*super().list_commands(ctx), *self._modules})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, imported now where it was not."""
        if (module := self._modules.get(cmd_name)) is None:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(import_module(module), cmd_name.replace("-", "_"))
        return command
