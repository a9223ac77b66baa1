"""Many new objects are stored as one pack that git takes for its own, all of it or nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitferry.repos import packs
from gitferry.repos.content import FILE, Entry
from gitferry.repos.objects import EMPTY_TREE, Objects
from gitferry.repos.packs import BLOB, TREE, New
from gitferry.tests.repo import Repo

PROGRAM = """
import sys
from pathlib import Path
from gitferry.repos.packs import BLOB, New, write_pack
new = [New(BLOB, b"%d" % number) for number in range(50)]
write_pack(Path(sys.argv[1]), {one.oid: one for one in new})
"""


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo.init(tmp_path / "repo")
    made.write("a", "a")
    made.commit("one")
    return made


@pytest.fixture
def objects(repo: Repo) -> Iterator[Objects]:
    found = Objects(repo.path(".git"))
    yield found
    found.close()


def stored(repo: Repo) -> tuple[int, int]:
    """How many objects are loose, and how many packs there are."""
    said = dict(line.split(": ") for line in repo.git("count-objects", "-v").splitlines())
    return int(said["count"]), int(said["packs"])


def written(objects: Objects, count: int, mark: str = "") -> str:
    """The root tree of `count` files, each in a directory of its own."""
    with objects.together():
        files = {f"{n}/file": Entry(FILE, objects.write_blob(f"{mark}{n}".encode())) for n in range(count)}
        return objects.apply(EMPTY_TREE, dict(files))


@pytest.mark.parametrize("size", [0, 1, 15, 16, 127, 128, 2047, 2048, 300_000])
def test_git_reads_what_was_packed(repo: Repo, size: int) -> None:
    content = os.urandom(size)
    blob = New(BLOB, content)
    tree = New(TREE, b"100644 file\0" + bytes.fromhex(blob.oid))
    packs.write_pack(repo.path(".git/objects/pack"), {new.oid: new for new in (tree, blob)})
    assert repo.git_bytes("cat-file", "blob", blob.oid) == content
    assert repo.git("ls-tree", tree.oid) == f"100644 blob {blob.oid}\tfile"
    (index,) = repo.path(".git/objects/pack").glob("*.idx")
    repo.git("verify-pack", str(index))
    repo.fsck()
    assert {path.suffix for path in index.parent.iterdir()} == {".pack", ".idx"}


def test_many_become_a_pack_and_few_do_not(repo: Repo, objects: Objects) -> None:
    loose, _ = stored(repo)
    few = written(objects, 10)
    assert stored(repo) == (loose + 21, 0)
    many = written(objects, 40, "other")
    assert stored(repo) == (loose + 21, 1)
    assert len(list(objects.walk(few))) == 10
    assert {objects.blob(entry.oid) for _, entry in objects.walk(many)} == {f"other{n}".encode() for n in range(40)}
    assert len(repo.git("ls-tree", "-r", many).splitlines()) == 40
    repo.fsck()


def test_what_is_there_already_is_not_stored_again(repo: Repo, objects: Objects) -> None:
    first = written(objects, 40)
    before = stored(repo)
    assert written(objects, 40) == first
    again = Objects(repo.path(".git"))
    assert written(again, 40) == first
    assert stored(repo) == before
    more = written(again, 41)
    assert stored(repo) == (before[0] + 3, 1)  # the file, its directory, the root
    assert len(list(again.walk(more))) == 41
    again.close()


def test_what_is_very_large_is_stored_one_by_one(repo: Repo, objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gitferry.repos.objects._PACK_SIZE", 1000)
    written(objects, 40)
    assert stored(repo)[1] == 0
    repo.fsck()


def test_after_trouble_nothing_is_taken_for_stored(repo: Repo, objects: Objects) -> None:
    tree = ""
    with pytest.raises(RuntimeError), objects.together():
        entries = {f"{n}": Entry(FILE, objects.write_blob(f"{n}".encode())) for n in range(40)}
        tree = objects.apply(EMPTY_TREE, dict(entries))
        raise RuntimeError
    assert not objects.has(tree)
    assert not objects.pruned()
    again = {f"{n}": Entry(FILE, objects.write_blob(f"{n}".encode())) for n in range(40)}
    assert objects.apply(EMPTY_TREE, dict(again)) == tree
    assert len(repo.git("ls-tree", tree).splitlines()) == 40


def test_git_prunes_it_as_it_prunes_loose_ones(repo: Repo, objects: Objects) -> None:
    kept, gone = written(objects, 40, "kept"), written(objects, 40, "gone")
    repo.git("update-ref", "refs/gitferry/test", repo.git("commit-tree", "-m", "kept", kept))
    repo.git("gc", "-q", "--prune=now")
    assert repo.has(kept) and not repo.has(gone)
    assert objects.pruned()
    assert not objects.pruned()


def test_a_crash_leaves_no_half_of_a_pack(repo: Repo) -> None:
    directory = repo.path(".git/objects/pack")
    killed = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(directory)],
        env=os.environ | {"GITFERRY_FAILPOINT": "pack.flushed:kill:1"},
        check=False,
    )
    assert killed.returncode == -9
    assert len(left := list(directory.iterdir())) == 2 and all(path.name.startswith("tmp_") for path in left)
    repo.fsck()
    subprocess.run([sys.executable, "-c", PROGRAM, str(directory)], check=True)
    assert sorted(path.suffix for path in directory.iterdir()) == [".idx", ".pack"]
    repo.fsck()
