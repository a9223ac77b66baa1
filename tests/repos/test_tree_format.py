"""Tree objects as git writes and reads them."""

from __future__ import annotations

from pathlib import Path

from gitferry.repos.content import EXECUTABLE, FILE, SUBMODULE, SYMLINK, TREE, Entry
from gitferry.repos.tree_format import formatted, parsed
from gitferry.tests.repo import Repo

NAMES = ("a", "a.b", "a-b", "dir", "dir.x", "dir-x", "caf\udce9", "neu\nline", "ü", " ")


def test_what_git_wrote_is_read_and_written_alike(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path / "repo")
    for name in NAMES:
        repo.write(f"{name}/x" if name in ("a", "dir") else name, name.encode("utf-8", "surrogateescape"))
    repo.write("run", "#!/bin/sh\n", executable=True)
    repo.link("link", "a.b")
    commit = repo.commit("one")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{commit},module")
    data = repo.git_bytes("cat-file", "tree", repo.git("write-tree"))
    entries = dict(parsed(data))
    assert entries.keys() == {*NAMES, "run", "link", "module"}
    modes = {name: entries[name].mode for name in ("a", "a.b", "run", "link", "module")}
    assert modes == {"a": TREE, "a.b": FILE, "run": EXECUTABLE, "link": SYMLINK, "module": SUBMODULE}
    assert entries["module"] == Entry(SUBMODULE, commit)
    assert formatted(dict(sorted(entries.items(), reverse=True))) == data


def test_nothing_is_the_empty_tree() -> None:
    assert dict(parsed(b"")) == {} and formatted({}) == b""
