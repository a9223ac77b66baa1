"""Clones with a sparse checkout, by cones and by patterns, and what holds for them after a crossing."""

from __future__ import annotations

from enum import StrEnum

from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.repo import Repo

MANIFEST = "name: {0}\nversion: 1.0.0\n"
LINES = "one\ntwo\nthree\nfour\nfive\n"

#: Tasks inside the checkout, outside it, and half of each: out/ and half/data/ are left out.
FILES = {
    "top.md": "top\n",
    **{f"{task}/task.yaml": MANIFEST.format(task) for task in ("in", "out", "half")},
    "in/a.txt": LINES,
    "in/deep/b.txt": "b\n",
    "out/a.txt": LINES,
    "out/b.txt": "b\n",
    "half/a.txt": LINES,
    "half/docs/c.txt": "c\n",
    "half/data/x.txt": LINES,
    "half/data/y.txt": "y\n",
}


class Kind(StrEnum):
    """How a checkout was made sparse."""

    CONE = "cone"
    PATTERNS = "patterns"


def full(remote: Repo, repo: Repo) -> Side:
    """Give the empty remote its first commit, and return the clone that has everything checked out."""
    repo.write_all(FILES)
    repo.commit("first")
    repo.push("-u", "origin", "main")
    assert remote.has("main")
    side = Side(repo)
    healthy(side.sync())
    return side


def narrow(repo: Repo, kind: Kind) -> Repo:
    """Leave out/ and half/data/ out of the checkout."""
    if kind is Kind.CONE:
        repo.git("sparse-checkout", "set", "--cone", "in", "half/docs")
    else:
        repo.git("sparse-checkout", "set", "--no-cone", "/*", "!/out/", "!/half/data/")
    return repo


def flags(repo: Repo) -> list[str]:
    """The index with what is hidden, as git lists it."""
    return repo.git("-c", "core.quotePath=false", "ls-files", "-t", "-s").splitlines()


def hidden(repo: Repo) -> set[str]:
    """The paths that git keeps in its index alone."""
    return {line.partition("\t")[2] for line in flags(repo) if line.startswith("S ")}


def settled(side: Side, remote: Repo, *, edited: bool = False) -> None:
    """Assert that both sides are one, and the working tree has just what is checked out of it.

    `edited`: files that were edited before their directory was left out are there too, as git leaves them.
    """
    repo = side.repo
    assert (repo.head, repo.status()) == (remote.tip("main"), "")
    tree, left = repo.tree(), hidden(repo)
    files = {path: data for path, data in repo.worktree().items() if path != ".git"}  # a linked worktree's is a file
    assert files == {path: data for path, data in tree.items() if path not in left}
    before = flags(repo)
    if repo.git("config", "--default=false", "core.sparseCheckout") == "true":
        repo.git("sparse-checkout", "reapply")
    if edited:
        assert files.items() >= repo.worktree().items()
    else:
        assert flags(repo) == before, "git itself would have checked out something else"


def twin(repo: Repo, remote: Repo, name: str) -> Repo:
    """A clone of the remote as it is, with the same sparse checkout as `repo`."""
    made = Repo.clone(remote.root, repo.root.parent / name, "--no-checkout")
    for key in ("core.sparseCheckout", "core.sparseCheckoutCone"):
        value = repo.try_git("config", key).stdout.strip()
        if value:
            made.git("config", key, value)
    patterns = made.path(".git/info/sparse-checkout")
    patterns.parent.mkdir(exist_ok=True)
    git_dir = repo.git("rev-parse", "--absolute-git-dir")
    patterns.write_bytes((repo.root / git_dir / "info" / "sparse-checkout").read_bytes())
    made.git("read-tree", "-mu", "HEAD")
    return made


def same_as_git(side: Side, git: Repo) -> None:
    """Assert that a crossing left what `git pull` leaves in an equal clone: index, flags and files."""
    assert flags(side.repo) == flags(git)
    assert side.repo.worktree() == git.worktree()
    assert side.repo.status() == git.status()


def send(side: Side, files: dict[str, str | None]) -> None:
    """Write (None: delete) and push by gitferry."""
    for path, text in files.items():
        if text is None:
            side.repo.delete(path)
        else:
            side.repo.write(path, text)
    healthy(side.sync())
