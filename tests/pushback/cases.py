"""Every three-way case under every strategy, over real repositories and beside real git.

`PYTHONPATH=.typing python -m gitferry.tests.pushback.cases [WORDS…]` prints the table (of the cases whose names have
all the words); every row is a repository of its own, so all of it takes minutes. In it
"remote" and "tree" say whose content the remote's branch and our working tree have afterwards; "git" is what
`git merge-tree` says of the same two commits. A row that is not as it should be is marked, and ends it with 1.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gitferry.pushback.outcome import Outcome, PushStatus, Strategy
from gitferry.repos.content import EXECUTABLE, SYMLINK
from gitferry.tests.integration.simulation import house
from gitferry.tests.integration.simulation_lineage import oid
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.pushback.three_way import DEVIATIONS, Case, Changes, Says, cases
from gitferry.tests.repo import Repo

#: Path → (mode, object) of every file.
Tree = Mapping[str, tuple[str, str]]

#: What a reader is told of several tasks: the worst of them.
_WORST = (
    PushStatus.CONFLICT,
    PushStatus.FAILED,
    PushStatus.PENDING,
    PushStatus.IN_REVIEW,
    PushStatus.COMPLETED,
    PushStatus.NOT_REQUIRED,
)
_STEADY = {f"steady/{name}.txt": f"{name} stays as it is\n" for name in ("one", "two", "three", "four")}
_MARKERS = (b"<<<<<<<", b">>>>>>>")


@dataclass(frozen=True, slots=True)
class Stage:
    """A bare remote and two clones of it, `a` theirs and `b` ours."""

    root: Path

    @property
    def remote(self) -> Repo:
        """The bare remote."""
        return Repo(self.root / "remote.git")

    def side(self, name: str, layout: str = "auto", strategy: Strategy = Strategy.FAIL) -> Side:
        """Return a clone as it is to cross."""
        return Side(Repo(self.root / name), pushback={"conflict_strategy": strategy.value}, tasks={"layout": layout})

    def copied(self, root: Path) -> Stage:
        """Return a copy of everything, whose clones know the copied remote alone."""
        root.mkdir(parents=True)
        names = ("remote.git", "a", "b")
        subprocess.run(["cp", "-a", *(str(self.root / name) for name in names), str(root)], check=True)
        for name in names[1:]:
            config = root / name / ".git" / "config"
            config.write_text(config.read_text().replace(str(self.root), str(root)))
        return Stage(root)


def built(root: Path, rows: Iterable[Case]) -> Stage:
    """Return a stage on which every case stands as both sides once had it, each in its own directory."""
    root.mkdir(parents=True)
    stage = Stage(root)
    Repo.init(stage.remote.root, "--bare", "--template=")
    work = Repo.clone(stage.remote.root, root / "a", "--template=")
    work.write_all(_STEADY)
    for case in rows:
        put(work, case.placed(case.base))
    work.commit("The base")
    work.push("-u", "origin", "main")
    Repo.clone(stage.remote.root, root / "b", "--template=")
    for name in ("a", "b"):
        healthy(stage.side(name).sync())
    for repo in (stage.remote, work, Repo(root / "b")):
        repo.git("gc", "--quiet")  # few files are copied sooner
    return stage


def put(repo: Repo, changes: Changes) -> None:
    """Make these changes in a working tree, deletions first."""
    for path, file in changes.items():
        if file is None:
            repo.delete(path)
    for path, file in changes.items():
        if file is not None and file.mode == SYMLINK:
            repo.link(path, file.data.decode())
        elif file is not None:
            repo.write(path, file.data, executable=file.mode == EXECUTABLE)


def on_disk(repo: Repo) -> Tree:
    """Return what git would commit of the working tree as it is. Neither HEAD nor the index is touched."""
    index = repo.path(".git/cases-index")
    shutil.copyfile(repo.path(".git/index"), index)
    env = {"GIT_INDEX_FILE": str(index)}
    repo.git("add", "--all", env=env)
    tree = repo.git("write-tree", env=env)
    index.unlink()
    return repo.entries(tree)


@dataclass(frozen=True, slots=True)
class Judged:
    """What a case is on each side, and what real git makes of both."""

    base: Tree
    ours: Tree
    theirs: Tree
    merged: Tree | None  # None where git conflicts


def judged(judge: Repo, case: Case) -> Judged:
    """Return what git says of a case, in a clone of the base that nothing else uses."""
    base = judge.head
    sides = []
    for changes in (case.theirs, case.ours):
        judge.git("read-tree", "--reset", "-u", base)
        put(judge, case.placed(changes))
        judge.git("add", "--all")
        sides.append(judge.git("commit-tree", "-p", base, "-m", "a side", judge.git("write-tree")))
    theirs, ours = sides
    merge = judge.try_git("merge-tree", "--write-tree", ours, theirs)  # attributes are those of our working tree
    assert merge.returncode in (0, 1), merge.stderr
    merged = judge.entries(merge.stdout.splitlines()[0]) if merge.returncode == 0 else None
    return Judged(judge.entries(base), judge.entries(ours), judge.entries(theirs), merged)


def meet(stage: Stage, rows: Iterable[Case], *, committed: bool = False) -> None:
    """Let theirs reach the remote, by git alone, and ours be made; `committed`: in a commit of the user's."""
    a, b = Repo(stage.root / "a"), Repo(stage.root / "b")
    for case in rows:
        put(a, case.placed(case.theirs))
        put(b, case.placed(case.ours))
    a.commit("Theirs")
    a.push()
    if committed:
        b.commit("Ours")


@dataclass(frozen=True, slots=True)
class Row:
    """What came of one case under one strategy."""

    remote: str
    tree: str
    status: str

    @property
    def answered(self) -> bool:
        """Whether both sides are one."""
        return self.status in (PushStatus.COMPLETED, PushStatus.NOT_REQUIRED)

    def __str__(self) -> str:
        return f"remote {self.remote}, tree {self.tree}, {self.status}"


def results(stage: Stage, known: Mapping[Case, Judged], outcome: Outcome) -> dict[Case, Row]:
    """Return whose content of each case is where, after our side has crossed."""
    trees = stage.remote.entries("main"), on_disk(Repo(stage.root / "b"))
    found = {}
    for case, facts in known.items():
        states = [task.push_status for task in outcome.tasks if task.path == "." or within(case, task.path)]
        status = next((one for one in _WORST if one in states), PushStatus.NOT_REQUIRED)
        remote, tree = (_whose(case, facts, tree) for tree in trees)
        found[case] = Row(remote, tree, status.value)
    return found


def within(case: Case, path: str) -> bool:
    """Whether a path belongs to the case."""
    return path == case.directory or path.startswith(case.directory + "/")


def of(case: Case, tree: Tree) -> Tree:
    """Return what a tree has of one case."""
    return {path: entry for path, entry in tree.items() if within(case, path)}


def together(case: Case, facts: Judged) -> Tree | None:
    """Return what the merge of both sides is: git's where it is clean, else what the case says."""
    if case.both is None:
        return None if facts.merged is None else of(case, facts.merged)
    return {path: (f"{file.mode:o}", oid(file.data)) for path, file in case.placed(case.both).items() if file}


def _whose(case: Case, facts: Judged, tree: Tree) -> str:
    here = of(case, tree)
    sides = {"ours": of(case, facts.ours), "theirs": of(case, facts.theirs), "both": together(case, facts)}
    if sides["ours"] == sides["theirs"] == here:
        return "same"
    whose = next((name for name, side in sides.items() if side == here), None)
    return whose or ("base" if here == of(case, facts.base) else "else")


def require_git(case: Case, facts: Judged) -> None:
    """Assert that the case merges where git merges it, but for those that are listed with their reason."""
    alike = (case.says is Says.CONFLICTS) == (facts.merged is None)
    assert alike != (case.name in DEVIATIONS), f"git {'conflicts' if facts.merged is None else 'merges'}"


def require_kept(stage: Stage, known: Mapping[Case, Judged], theirs: str) -> None:
    """Assert that refs keep both sides' contents, that history goes on from theirs, and that all is sound."""
    b, remote = Repo(stage.root / "b"), stage.remote
    out = (repo.git("rev-list", "--objects", "--no-object-names", "--all") for repo in (b, remote))
    kept = {line for lines in out for line in lines.splitlines()}
    for case, facts in known.items():
        missing = [
            path
            for side in (facts.ours, facts.theirs)
            for path, (_, name) in of(case, side).items()
            if name not in kept
        ]
        assert not missing, f"kept by no ref: {missing}"
    assert remote.try_git("merge-base", "--is-ancestor", theirs, "main").returncode == 0, "history was rewritten"
    for repo in (b, remote):
        repo.fsck()


def require_rest(stage: Stage, b: Side, *, answered: bool) -> None:
    """Assert that both clones have come to rest, and hold no mark of a conflict.

    `answered`: ours has become one with the remote; otherwise its tree alone differs, and nothing is staged.
    """
    a, remote = stage.side("a", str(b.tasks["layout"])), stage.remote
    b.sync()  # what it says of a conflict may be another word by now: HEAD has moved
    before = _everything(b.repo, remote)
    b.sync()
    assert _differing(before, _everything(b.repo, remote)) == [], "crossing again changed something"
    assert b.repo.head == remote.tip("main")
    assert b.repo.git("diff", "--cached", "--name-only") == ""
    assert (b.repo.status() == "") == answered, b.repo.status()
    healthy(a.sync())
    assert (a.repo.head, a.repo.status()) == (remote.tip("main"), "")
    rest = _everything(a.repo, remote)
    healthy(a.sync())
    assert _differing(rest, _everything(a.repo, remote)) == [], "crossing there again changed something"
    for repo in (a.repo, b.repo):
        marked = [path for path, data in repo.worktree().items() if any(mark in data for mark in _MARKERS)]
        assert not marked, f"marks of a conflict in {marked}"


def _everything(repo: Repo, remote: Repo) -> Mapping[str, object]:
    refs = {f"remote {name}": tip for name, tip in remote.refs().items()}
    return {**repo.refs(), **refs, **repo.worktree(), "index": repo.staged(), "status": repo.status()}


def _differing(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))


def run(stage: Stage, case: Case, facts: Judged, strategy: Strategy) -> Row:
    """Let our side cross on a stage where both have met; return what came of it. Raises where a promise is broken."""
    b, theirs = stage.side("b", case.layout, strategy), stage.remote.tip("main")
    row = results(stage, {case: facts}, b.sync())[case]
    require_kept(stage, {case: facts}, theirs)
    require_rest(stage, b, answered=row.answered)
    return row


def main(words: list[str]) -> int:
    """Print the table; return 1 where a row is not as it should be."""
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="gitferry-cases-") as name:
        root = Path(name)
        house(root)
        base = built(root / "base", cases())
        judge = Repo.clone(base.remote.root, root / "judge")
        print(f"{'ours / theirs':<42}{'git':<11}{'strategy':<13}{'remote':<9}{'tree':<9}status")
        for number, case in enumerate(case for case in cases() if all(word in case.name for word in words)):
            facts = judged(judge, case)
            stage = base.copied(root / str(number))
            meet(stage, (case,))
            for strategy in Strategy:
                copy = stage.copied(root / f"{number}-{strategy}")
                fault = row = None
                try:
                    require_git(case, facts)
                    row = run(copy, case, facts, strategy)
                    assert row == Row(*case.expects(strategy)), f"expected {Row(*case.expects(strategy))}"
                except AssertionError as error:
                    fault, wrong = str(error), 1
                print(_line(case, strategy, facts, row, fault), flush=True)
                shutil.rmtree(copy.root)
            if case.name in DEVIATIONS:
                print(f"{'':<42}otherwise than git: {DEVIATIONS[case.name]}")
            shutil.rmtree(stage.root)
    return wrong


def _line(case: Case, strategy: Strategy, facts: Judged, row: Row | None, fault: str | None) -> str:
    first = strategy is Strategy.FAIL
    git = "conflicts" if facts.merged is None else "merges"
    came = ("?", "?", "?") if row is None else (row.remote, row.tree, row.status)
    said = f"{case.name if first else '':<42}{git if first else '':<11}{strategy:<13}{came[0]:<9}{came[1]:<9}{came[2]}"
    return said if fault is None else f"{said}   NOT AS IT SHOULD BE: {fault}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
