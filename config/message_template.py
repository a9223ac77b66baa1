"""Templates of commit messages and request bodies: what they may name, their check, and filling them in.

They are Jinja2 templates. One that only names values, as the defaults do, is filled without Jinja2, whose import takes
longer than all else that a short command does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

COMMIT_MESSAGE: Final = "{{ summary }}\n\n{{ task_list }}"
REQUEST_BODY: Final = "## Task changes\n\n{{ task_list }}"

#: What a template may name.
NAMES: Final = ("summary", "task_list", "host", "tasks")

#: Characters that a template or its result may have. Forges take no longer text for a request's body (GitHub: 65,536).
LONGEST: Final = 64 << 10

_PLACE = re.compile(r"\{\{\s*(summary|task_list|host)\s*\}\}")


@dataclass(frozen=True, slots=True)
class TaskWords:
    """One task of a batch, as templates see it: `verb` is add, update, delete or merge.

    A version is None where a manifest gives none. `files` are the paths that the commit changes.
    """

    name: str
    verb: str
    old_version: str | None = None
    new_version: str | None = None
    path: str = ""
    files: tuple[str, ...] = ()

    @property
    def changes(self) -> int:
        """How many files the commit changes."""
        return len(self.files)


#: What a template may name of each task.
TASK_NAMES: Final = ("name", "path", "verb", "old_version", "new_version", "files", "changes")


class Unfilled(ValueError):
    """A template cannot be filled; the text says why, and where in it."""


def check(template: str) -> None:
    """Raise Unfilled for a template that is none, names what there is not, or fails for some batch of tasks."""
    _require_short(template)
    if not _is_plain(template):
        from gitferry.config import template_check

        problem = template_check.problem(template)
        if problem is not None:
            raise Unfilled(problem)


def fill(template: str, values: Mapping[str, str], tasks: Sequence[TaskWords]) -> str:
    """Return the template with `values` (of NAMES, without tasks) and `tasks` filled in.

    A name that is not known stays as written. Raises Unfilled where the template fails, or does too much.
    """
    _require_short(template)
    if _is_plain(template):
        return _filled_plainly(template, values)
    from gitferry.config import jinja_sandbox

    return jinja_sandbox.fill(template, {**values, "tasks": tuple(tasks)})


def _require_short(template: str) -> None:
    if len(template) > LONGEST:
        raise Unfilled(f"has more than {LONGEST:,} characters")


def _is_plain(template: str) -> bool:
    """Whether Jinja2 would do no more than put values in: nothing else in it begins with a brace.

    Jinja2 turns every kind of line end into a newline.
    """
    rest = _PLACE.sub("", template)
    return "{" not in rest and "\r" not in rest


def _filled_plainly(template: str, values: Mapping[str, str]) -> str:
    if len(template) + sum(len(values[found[1]]) for found in _PLACE.finditer(template)) > LONGEST:
        raise Unfilled(f"comes to more than {LONGEST:,} characters")
    return _PLACE.sub(lambda found: values[found[1]], template)
