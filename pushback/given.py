"""What a person made of the three versions of a conflict, as content that both sides can be given."""

from __future__ import annotations

import re
from collections.abc import Collection

from gitferry.config.errors import GitferryError
from gitferry.pushback.answers import Answered
from gitferry.pushback.decision import View
from gitferry.pushback.outcome import Answer, Take
from gitferry.repos.content import EXECUTABLE, FILE, Entry
from gitferry.repos.objects import Objects

_MARKERS = re.compile(rb"^<{7} .*^={7}\r?$.*^>{7} ", re.M | re.S)


class UnusableAnswer(GitferryError):
    """The files that were given cannot be the task."""


def answered(objects: Objects, view: View, answer: Answer, paths: Collection[str]) -> Answered:
    """Return the answer as the plan takes it, the given files written as blobs. Raises UnusableAnswer."""
    if answer.take is not Take.GIVEN:
        return Answered(answer.take, answer.version)
    content: dict[str, Entry] = dict(view.local.content)
    for path, file in answer.files.items():
        if path not in paths:
            raise UnusableAnswer(f"{path} is no file that the two sides differ in", "save it in the working tree")
        if file is None:
            content.pop(path, None)
            continue
        if file.mode not in (FILE, EXECUTABLE):
            raise UnusableAnswer(f"{path} is to have the mode {file.mode:o}", "a file has 100644 or 100755")
        if _MARKERS.search(file.data):
            raise UnusableAnswer(f"{path} still has conflict markers", "decide what stands between them")
        content[path] = Entry(file.mode, objects.write_blob(file.data))
    return Answered(Take.GIVEN, answer.version, content)
