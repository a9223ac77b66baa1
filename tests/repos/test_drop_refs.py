"""Refs of ours are removed, packed or loose; nothing else changes, and no lock is left or broken."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gitferry.repos import drop_refs, ref_locks
from gitferry.tests.repo import Repo

OURS = [f"refs/gitferry/ops/{number:012}" for number in range(6)]
PROGRAM = """
import sys
from pathlib import Path
from gitferry.repos import drop_refs
drop_refs.drop(Path(sys.argv[1]), sys.argv[2:])
"""


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """Refs of ours and an annotated tag, all packed, and some of ours loose with another value as well."""
    made = Repo.init(tmp_path / "repo")
    made.write("a", "a")
    first = made.commit("one")
    made.git("tag", "-a", "-m", "a tag", "v1")
    made.git("branch", "other")
    for name in OURS[:4]:
        made.git("update-ref", name, first)
    made.git("pack-refs", "--all")
    made.write("a", "b")
    second = made.commit("two")
    for name in OURS[2:]:
        made.git("update-ref", "--create-reflog", name, second)
    made.path(".git/gitferry").mkdir()
    return made


def others(repo: Repo) -> dict[str, str]:
    return {name: oid for name, oid in repo.refs("refs/").items() if name not in OURS}


def locks(repo: Repo) -> list[Path]:
    return list(repo.path(".git").rglob("*.lock"))


def test_they_go_packed_and_loose_and_nothing_else_does(repo: Repo) -> None:
    before, peeled = others(repo), repo.git("rev-parse", "v1^{}")
    repo.path(".git/packed-refs").chmod(0o664)
    assert drop_refs.drop(repo.path(".git"), OURS[:5])
    assert set(repo.refs("refs/gitferry/")) == {OURS[5]}
    assert (others(repo), repo.git("rev-parse", "v1^{}")) == (before, peeled)
    packed = repo.path(".git/packed-refs")
    assert packed.stat().st_mode & 0o777 == 0o664
    assert packed.read_text().startswith("# pack-refs with:") and f"\n^{peeled}\n" in packed.read_text()
    assert [path.name for path in repo.path(".git/logs/refs/gitferry/ops").iterdir()] == [OURS[5].rpartition("/")[2]]
    assert locks(repo) == []
    assert list(repo.path(".git/gitferry").iterdir()) == []
    repo.git("branch", "-d", "other")
    repo.git("pack-refs", "--all")
    repo.fsck()


def test_without_packed_refs_none_is_made(repo: Repo) -> None:
    repo.path(".git/packed-refs").unlink()
    assert drop_refs.drop(repo.path(".git"), OURS)
    assert not repo.path(".git/packed-refs").exists()
    assert repo.refs("refs/gitferry/") == {}


def test_packed_refs_that_names_none_of_them_is_left_alone(repo: Repo) -> None:
    before = repo.path(".git/packed-refs").stat()
    assert drop_refs.drop(repo.path(".git"), OURS[4:])
    assert repo.path(".git/packed-refs").stat() == before
    assert set(repo.refs("refs/gitferry/")) == set(OURS[:4])


@pytest.mark.parametrize("content", ["", "# pack-refs with: peeled fully-peeled sorted \n"])
def test_anothers_lock_is_respected_and_stays(repo: Repo, content: str) -> None:
    lock = repo.path(".git/packed-refs.lock")
    lock.write_text(content)
    assert not drop_refs.drop(repo.path(".git"), OURS)
    assert set(repo.refs("refs/gitferry/")) == set(OURS)
    drop_refs.sweep(repo.path(".git"))
    assert lock.read_text() == content
    assert list(repo.path(".git/gitferry").iterdir()) == []


@pytest.mark.parametrize("point", ["packed_refs.signed", "packed_refs.locked", "packed_refs.written", "refs.dropped"])
def test_a_crash_leaves_nothing_that_the_next_one_does_not_mend(repo: Repo, point: str) -> None:
    before = others(repo)
    killed = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(repo.path(".git")), *OURS],
        env=os.environ | {"GITFERRY_FAILPOINT": f"{point}:kill:1"},
        check=False,
    )
    assert killed.returncode == -9
    assert set(repo.refs("refs/gitferry/")) <= set(OURS)
    assert bool(locks(repo)) is (point != "refs.dropped")
    ref_locks.sweep(repo.path(".git"))
    assert locks(repo) == []
    assert drop_refs.drop(repo.path(".git"), OURS)
    assert repo.refs("refs/gitferry/") == {}
    assert others(repo) == before
    assert list(repo.path(".git/gitferry").iterdir()) == []
    repo.git("pack-refs", "--all")
    repo.fsck()


def test_refs_of_others_are_refused(repo: Repo) -> None:
    with pytest.raises(ValueError, match="ours"):
        drop_refs.drop(repo.path(".git"), ["refs/heads/other"])
    assert repo.has("other")
