"""Merge in two steps: by lines as git does, then, in JSON and YAML, by keys; only where attributes let a file merge."""

from __future__ import annotations

from functools import cached_property

from gitferry.pushback.ground import Ground
from gitferry.pushback.merge import merge_content, merge_moved
from gitferry.pushback.structure import merge_text, stands
from gitferry.repos.content import Content, Entry
from gitferry.repos.line_merge import merge_lines
from gitferry.repos.mergeable import mergeable
from gitferry.repos.objects import EMPTY_TREE, Objects


class Merger:
    """Merges contents of one repository; what it makes is written to the object database."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._merges: dict[object, Content | None] = {}  # the rules and the strategies ask the same
        self._known: dict[tuple[str, Entry | None, Entry, Entry], Entry | None] = {}

    @cached_property
    def _objects(self) -> Objects:
        return self._ground.objects

    def merge(self, base: Content, local: Content, remote: Content) -> Content | None:
        """Return the content that holds both sides' changes, or None where they do not merge cleanly.

        A file that one side moved, to another name within what is given, takes the other side's edit along.
        """
        key = tuple(tuple(sorted(content.items())) for content in (base, local, remote))
        if key not in self._merges:
            self._merges[key] = self._merge(base, local, remote)
        return self._merges[key]

    def _merge(self, base: Content, local: Content, remote: Content) -> Content | None:
        moves = (self._moves(base, local), self._moves(base, remote))
        if any(moves):
            return merge_moved(base, local, remote, moves, self.file)
        return merge_content(base, local, remote, self.file)

    def file(self, path: str, base: Entry | None, ours: Entry, theirs: Entry) -> Entry | None:
        """Return the clean merge of one file that both sides changed, written, or None."""
        key = (path, base, ours, theirs)
        if key not in self._known:
            self._known[key] = self._merged(*key)
        return self._known[key]

    def _merged(self, path: str, base: Entry | None, ours: Entry, theirs: Entry) -> Entry | None:
        objects = self._objects
        merged = merge_lines(objects, base, ours, theirs)
        if base is not None:
            name, texts = path.rpartition("/")[2], [objects.blob(side.oid) for side in (base, ours, theirs)]
            if merged is None or not stands(name, texts, objects.blob(merged.oid)):
                by_keys = merge_text(name, *texts)
                merged = None if by_keys is None else Entry(ours.mode, objects.write_blob(by_keys))
        # Asked last, because it takes a process of its own.
        return merged if merged is not None and mergeable(self._ground.git, self._ground.place, path) else None

    def _moves(self, base: Content, side: Content) -> dict[str, str]:
        if base.keys() <= side.keys() or side.keys() <= base.keys():
            return {}  # nothing went, or nothing came
        objects = self._objects
        trees = (objects.apply(EMPTY_TREE, dict(content)) for content in (base, side))
        return dict(objects.renames(*trees))
