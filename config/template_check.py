"""Whether a template can be used: Jinja2 reads it, it names what there is, and it fails for no batch of tasks."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

from jinja2 import UndefinedError, meta, nodes

from gitferry.config import jinja_sandbox
from gitferry.config.message_template import NAMES, TASK_NAMES, TaskWords, Unfilled

# Tasks with and without versions: what a template does with them can fail for one kind only.
_SAMPLES: Final = {
    "a file that is added": (TaskWords("notes.md", "add", None, None, "notes.md", ("notes.md",)),),
    "a task that is updated": (TaskWords("a", "update", "1.0", "1.1", "tasks/a", ("tasks/a/task.yaml",)),),
    "several tasks": (
        TaskWords("b", "add", None, "1.0", "tasks/b", ("tasks/b/task.yaml", "tasks/b/run.py")),
        TaskWords("c", "delete", "2.0", None, "tasks/c", ("tasks/c/task.yaml",)),
        TaskWords("d", "merge", "2.0", "2.0", "tasks/d", ("tasks/d/task.yaml",)),
    ),
}


@lru_cache(maxsize=64)
def problem(template: str) -> str | None:
    """Return what is wrong with a template, in words that follow it; None where nothing is."""
    try:
        tree = jinja_sandbox.parsed(template)
    except Unfilled as error:
        return f"is no template: {error}"
    for other in tree.find_all((nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)):
        return f"cannot be filled: line {other.lineno}: there is no other template to take in"
    unknown = meta.find_undeclared_variables(tree).difference(NAMES)
    for name in tree.find_all(nodes.Name):
        if name.name in unknown:
            return f"cannot be filled: line {name.lineno}: {name.name} is not known{_meant(name.name, NAMES)}"
    for what, tasks in _SAMPLES.items():
        values = {"summary": "Update a", "task_list": "- update a", "host": "here", "tasks": tasks}
        try:
            jinja_sandbox.fill(template, values, _STRICT)
        except Unfilled as error:
            return f"fails for {what}: {error}"
    return None


class _Strict(jinja_sandbox.Environment):
    """Fails where a template names something that no task has, whatever it then does with it."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        _require_known(obj, attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        _require_known(obj, argument)
        return super().getitem(obj, argument)


def _require_known(obj: object, name: object) -> None:
    if isinstance(obj, TaskWords) and name not in TASK_NAMES:
        raise UndefinedError(f"{name} is not known of a task{_meant(str(name), TASK_NAMES)}")


def _meant(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name.lower(), tuple(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else ""


_STRICT: Final = _Strict()
