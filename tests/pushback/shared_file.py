"""A file of nine lines that two clones have: edits of one line conflict, edits far apart merge."""

from __future__ import annotations

from collections.abc import Mapping

from gitferry.pushback.outcome import Answer, Outcome, Take
from gitferry.repos.content import File
from gitferry.tests.pushback.adversary import both_have
from gitferry.tests.pushback.kit import Side, healthy

NAME = "shared.md"
LINES = "".join(f"line {number}\n" for number in range(9))


def at_line(number: int, words: str, text: str = LINES) -> str:
    """Return a text with one of its lines replaced."""
    lines = text.splitlines()
    lines[number] = words
    return "\n".join(lines) + "\n"


THEIRS = at_line(1, "theirs")
OURS, OURS_FAR = at_line(1, "ours"), at_line(7, "ours")
BOTH = at_line(7, "ours", THEIRS)


def both_change(here: Side, there: Side, ours: str) -> None:
    """Let `there` push its change of line 1, and `here` have an edit that nobody has seen yet."""
    both_have(here, there, {NAME: LINES})
    there.repo.write(NAME, THEIRS)
    healthy(there.sync())
    here.repo.write(NAME, ours)


def answer(
    side: Side, seen: Outcome, take: Take, path: str = NAME, files: Mapping[str, File | None] | None = None
) -> Outcome:
    """Answer one conflict in the state that was seen, as `gitferry resolve` does."""
    task = side.task(seen, path)
    assert task.version_seen is not None
    answers = {task.id: Answer(take, task.version_seen, files or {})}
    return side.sync(answers=answers, tasks=frozenset(answers), by_hand=True)
