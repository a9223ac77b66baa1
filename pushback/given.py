"""What a person made of the three versions of a conflict, as content that both sides can be given."""

from __future__ import annotations

import re
from collections.abc import Collection

from gitferry.pushback.answers import Answered
from gitferry.pushback.decision import View
from gitferry.pushback.outcome import Answer, Take
from gitferry.repos.content import EXECUTABLE, FILE, SYMLINK, Entry
from gitferry.repos.objects import Objects

# As git writes them: seven signs, then nothing or a space and a label (git-merge-file(1)).
_MARKER = re.compile(rb"(?:<{7}|>{7}|\|{7})(?: .*)?\r?")


def answered(objects: Objects, view: View, answer: Answer, paths: Collection[str]) -> Answered:
    """Return the answer as the plan takes it, the given files written as blobs; it says why it is refused."""
    if answer.take is not Take.GIVEN:
        return Answered(answer.take, answer.version)
    content: dict[str, Entry] = dict(view.local.content)
    for path, file in answer.files.items():
        fault = None
        if path not in paths:
            fault = f"{path} is no file that the two sides differ in"
        elif file is None:
            content.pop(path, None)
        elif file.mode not in (FILE, EXECUTABLE, SYMLINK):
            fault = f"{path} is to have the mode {file.mode:o}: 100644, 100755 and 120000 are possible"
        elif _markers(file.data) - _known_markers(objects, view, path):
            fault = f"{path} still has conflict markers"
        else:
            content[path] = Entry(file.mode, objects.write_blob(file.data))
        if fault is not None:
            return Answered(Take.GIVEN, answer.version, refused=fault)
    return Answered(Take.GIVEN, answer.version, content)


def _known_markers(objects: Objects, view: View, path: str) -> set[bytes]:
    """Return the lines that look like markers and are the file's own."""
    sides = (side.content.get(path) for side in (view.local, view.remote))
    return set().union(*(_markers(objects.blob(entry.oid)) for entry in sides if entry is not None))


def _markers(text: bytes) -> set[bytes]:
    return {line for line in text.split(b"\n") if _MARKER.fullmatch(line)}
