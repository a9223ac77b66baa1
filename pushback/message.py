"""The words of a commit: its template filled with what the batch changes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_NAMED = 3  # tasks a summary names before it counts
_PLACE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class TaskWords:
    """One task of a batch: `verb` is add, update or delete."""

    name: str
    verb: str
    old_version: str | None = None
    new_version: str | None = None


def summary(tasks: Sequence[TaskWords]) -> str:
    """Return one line that names up to three tasks: `Update addition, weather-api and 4 more`."""
    verbs = {task.verb for task in tasks}
    verb = verbs.pop().capitalize() if len(verbs) == 1 else "Update"
    names = [task.name for task in tasks]
    shown, rest = names[:_NAMED], len(names) - _NAMED
    if rest > 0:
        return f"{verb} {', '.join(shown)} and {rest} more"
    return f"{verb} {' and '.join([', '.join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)}"


def task_list(tasks: Sequence[TaskWords]) -> str:
    """Return a line a task: what happened to it, and the version where it changed."""
    return "\n".join(f"- {task.verb} {task.name}{_versions(task)}" for task in tasks)


def commit_message(template: str, tasks: Sequence[TaskWords], *, host: str) -> str:
    """Return the template with `{{ summary }}`, `{{ task_list }}` and `{{ host }}` filled in.

    An unknown name stays as written, so that a slip shows in the log instead of losing a commit.
    """
    values = {"summary": summary(tasks), "task_list": task_list(tasks), "host": host}
    text = _PLACE.sub(lambda found: values.get(found[1], found[0]), template)
    # A commit message is UTF-8; a file name need not be.
    return text.strip().encode("utf-8", "surrogateescape").decode("utf-8", "replace") + "\n"


def _versions(task: TaskWords) -> str:
    if task.old_version == task.new_version:
        return ""
    if task.old_version and task.new_version:
        return f" {task.old_version} → {task.new_version}"
    return f" {task.new_version or task.old_version}"
