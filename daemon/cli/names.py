"""Names on the command line: completion of repositories and tasks, and task paths as the user typed them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitferry.config.errors import GitferryError
from gitferry.daemon.cli.context import Context

_PATIENCE = 0.5  # seconds: who completes waits at the prompt

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class RepositoryName(click.ParamType[str]):
    """A repository's name, completed from those known."""

    name = "repository"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name as it is; whether it exists is known to the engine."""
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the repositories whose names begin so."""
        return _complete(ctx, "repositories", incomplete)


class TaskName(click.ParamType[str]):
    """A task: its name, `repository/name`, its id, or a path. An existing path becomes absolute."""

    name = "task"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name; a path below the working directory is made absolute, as the daemon runs elsewhere."""
        if value.startswith(("./", "../", "~")) or value in (".", ".."):
            return str(Path(value).expanduser().absolute().resolve())
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the tasks whose names begin so."""
        return _complete(ctx, "tasks", incomplete)


class RepositoryOrTask(TaskName):
    """A repository's name, or a task as TaskName takes it; a repository's is meant where it is both."""

    name = "repository or task"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the repositories and tasks whose names begin so."""
        return _complete(ctx, "repositories", incomplete) + _complete(ctx, "tasks", incomplete)


def _complete(ctx: click.Context, kind: str, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    # Click parses for completion in a context of its own, which has what `main` gave.
    context = ctx.find_root().obj
    if not isinstance(context, Context):
        return []
    context.patience = _PATIENCE
    try:
        known: list[str] = context.control().names()[kind]
    except GitferryError:
        # A shell that completes has no place for a message; the verb itself will say it.
        return []
    finally:
        context.close()
    return [CompletionItem(name) for name in known if name.startswith(incomplete)]


REPOSITORY = RepositoryName()
TASK = TaskName()
REPOSITORY_OR_TASK = RepositoryOrTask()
