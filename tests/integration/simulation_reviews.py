"""What a crossing may do to review branches: its own clone's only, forwards only, and over nothing unseen."""

from __future__ import annotations

from collections.abc import Mapping

from gitferry.tests.integration.simulation_forge import HEADS, Forge
from gitferry.tests.integration.simulation_lineage import Lineage, is_absent
from gitferry.tests.integration.simulation_oracle import Lost, Rewritten, Violation, Witness, in_tree
from gitferry.tests.integration.simulation_permit import Judge

Refs = Mapping[str, str]


class Reviews:
    """Judges what became of the remote's branches beside the tracked one."""

    def __init__(self, forge: Forge, lineage: Lineage) -> None:
        self._forge = forge
        self._remote = forge.remote
        self._lineage = lineage
        self._seen: dict[str, str] = {}  # where each branch was last, also one that is gone since

    def own(self, name: str, refs: Refs) -> dict[str, str]:
        """Return the review branches of the clone of this name."""
        prefix = f"{HEADS}gitferry/{name}/".lower()
        return {ref: tip for ref, tip in refs.items() if ref.lower().startswith(prefix)}

    def contents(self, name: str, refs: Refs) -> list[dict[str, str]]:
        """Return the versions that each of a clone's review branches has of what it changed.

        One that was deleted counts too: without asking, a clone goes on from what it fetched of it.
        """
        self._seen |= refs
        return [self._forge.versions(ref, tip) for ref, tip in self.own(name, self._seen).items()]

    def judge(self, name: str, witness: Witness, before: Refs, judge: Judge) -> None:
        """Check what one crossing made of the branches."""
        after = self._remote.refs(HEADS)
        moved = {ref for ref in {*before, *after} if before.get(ref) != after.get(ref)} - {f"{HEADS}main"}
        for ref in sorted(moved):
            if ref not in self.own(name, {ref: ""}):
                raise Violation(f"{name} moved {ref}")
            if ref not in after:
                raise Violation(f"{name} deleted {ref} in a crossing")
            if judge.silent:
                raise Violation(f"{name} pushed {ref} although nothing was to be sent")
            if ref in before and not self._contains(after[ref], before[ref]):
                raise Rewritten(f"{name} rewrote {ref}")
            back = self._forge.removed & set(self._remote.git("rev-list", f"main..{after[ref]}").split())
            if back:
                raise Rewritten(f"{name} brought back {sorted(back)} with {ref}")
            self._judge_content(name, witness, ref, before.get(ref), after[ref], judge)

    def _contains(self, new: str, old: str) -> bool:
        return self._remote.try_git("merge-base", "--is-ancestor", old, new).returncode == 0

    def _judge_content(
        self, name: str, witness: Witness, ref: str, before: str | None, after: str, judge: Judge
    ) -> None:
        """Check that a branch's files go on from what it had, and from what the tracked branch had where it began."""
        fork, files = in_tree(self._remote, self._forge.fork(after)), in_tree(self._remote, after)
        was = fork if before is None else in_tree(self._remote, before)
        changed = {path for path in {*was, *files} if was.get(path) != files.get(path)}
        for path in sorted(changed):
            witness.judge_written(path, files, judge)
        result = witness.tokens_of(files)
        for path in sorted(changed):
            new = f"{path}:{files[path]}" if path in files else witness.absence(path)
            for old in self._replaced(ref, path, was, fork, files, before is not None):
                # What stood here and is gone was taken away by its user, also where no HEAD of theirs ever had it.
                gone = files.get(path) in (None, fork.get(path)) and witness.has_read(old)
                free = old == new or gone or old in witness.given_up or self._lineage.contains(new, old)
                if free:
                    continue
                if not judge.may_show(path, old, new, result):
                    raise Lost(f"{name} put {new} over {old} on {ref}, which it never contained")
                if judge.answers(path):
                    self._lineage.written(path, new.rpartition(":")[2], [old])  # whoever goes on from it has seen both
            if is_absent(new):
                self._forge.absent(ref, path, new)
        witness.read(files[path] for path in changed & files.keys())  # also by a crossing that broke off after that

    def _replaced(
        self, ref: str, path: str, was: Mapping[str, str], fork: Mapping[str, str], files: Mapping[str, str], on: bool
    ) -> list[str]:
        found = [self._forge.version(ref, path, was[path])] if on and path in was else []
        if path in fork and fork[path] != files.get(path):
            found.append(f"{path}:{fork[path]}")
        return found
