"""The words of a commit and of a review request: a template filled with what the batch changes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gitferry.config import message_template
from gitferry.config.listing import first_of
from gitferry.config.message_template import COMMIT_MESSAGE, REQUEST_BODY, TaskWords, Unfilled

__all__ = ["TaskWords", "Words", "commit_words", "literal", "request_words", "summary", "task_list"]

_NAMED = 3  # tasks a summary names before it counts
_BLANKS = " \t\r"  # what git takes for blank at the end of a line
_NO_TEXT = re.compile("\0|[\ud800-\udc7f\udd00-\udfff]")  # what no commit can hold; \udc80 on stand for odd bytes


@dataclass(frozen=True, slots=True)
class Words:
    """A text, and what was wrong with its template where the default one had to do."""

    text: str
    fault: str | None = None


def summary(tasks: Sequence[TaskWords]) -> str:
    """Return one line that names up to three tasks: `Update addition, weather-api and 4 more`."""
    verbs = {task.verb for task in tasks}
    verb = verbs.pop().capitalize() if len(verbs) == 1 else "Update"
    names = [task.name for task in tasks]
    if len(names) > _NAMED:
        return f"{verb} {first_of(names, _NAMED)}"
    return f"{verb} {' and '.join([', '.join(names[:-1]), names[-1]] if len(names) > 1 else names)}"


def task_list(tasks: Sequence[TaskWords]) -> str:
    """Return a line a task: what happened to it, and the version where it changed."""
    return "\n".join(f"- {task.verb} {task.name}{_versions(task)}" for task in tasks)


def commit_words(template: str, tasks: Sequence[TaskWords], *, host: str) -> Words:
    """Return a commit's message, tidied as git-commit(1) does (`--cleanup=whitespace`); never empty.

    A template that fails loses no commit: the default one takes its place.
    """
    words = _filled(template, COMMIT_MESSAGE, tasks, host)
    return Words(literal(words.text), words.fault)


def request_words(template: str, tasks: Sequence[TaskWords], *, host: str) -> Words:
    """Return a review request's body. In Markdown blanks mean something: they go at its end only."""
    words = _filled(template, REQUEST_BODY, tasks, host)
    return Words(_utf8(words.text).strip("\n").rstrip() + "\n", words.fault)


def literal(text: str) -> str:
    """Return a message that a person wrote out, tidied as `git commit -m` does; empty where it says nothing.

    Blanks at the ends of lines go, and empty lines at both ends and in excess: git-stripspace(1).
    """
    lines: list[str] = []
    for line in (each.rstrip(_BLANKS) for each in _utf8(text).split("\n")):
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines).rstrip("\n") + "\n" if lines else ""


def _filled(template: str, default: str, tasks: Sequence[TaskWords], host: str) -> Words:
    values = {"summary": summary(tasks), "task_list": task_list(tasks), "host": host}
    fault = None
    for each in (template, default):
        try:
            text = message_template.fill(each, values, tasks)
        except Unfilled as error:
            fault = fault or str(error)
        else:
            return Words(text if text.strip() else values["summary"], fault)
    return Words(values["summary"], fault)  # a list longer than any text may be


def _utf8(text: str) -> str:
    """A commit message is UTF-8 without a NUL; a file name need not be, nor what a client sends."""
    plain = _NO_TEXT.sub("\N{REPLACEMENT CHARACTER}", text)
    return plain.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _versions(task: TaskWords) -> str:
    if task.old_version == task.new_version:
        return ""
    if task.old_version and task.new_version:
        return f" {task.old_version} → {task.new_version}"
    return f" {task.new_version or task.old_version}"
