"""Which filters may run, and that the others do not."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from gitferry.repos import gitconfig, state
from gitferry.repos.cleaning import clean
from gitferry.repos.drivers import guarded, is_lfs, muted, silenced
from gitferry.repos.filters import GIT, NONE, Conversion, Kind, conversions
from gitferry.repos.git import Git
from gitferry.repos.gitconfig import Config
from gitferry.repos.smudging import Wanted, smudge
from gitferry.repos.status import status
from gitferry.tests.repo import Repo
from gitferry.tests.repos.converting import added, rot


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.init(tmp_path / "work", "--template=")


def settings(repo: Repo) -> Config:
    return gitconfig.read(Git(repo.root))


def kinds(repo: Repo, *paths: str) -> dict[str, Conversion]:
    return conversions(Git(repo.root), state.locate(repo.root, os.environ), settings(repo), paths)


# -- filters that may not run -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["evil", "with=sign", "Upper.dot"])
@pytest.mark.parametrize("command", ["clean", "process"])
@pytest.mark.parametrize("trusted", [True, False])
def test_silenced_and_muted_filters_are_not_started(
    repo: Repo, tmp_path: Path, name: str, command: str, trusted: bool
) -> None:
    ran = tmp_path / "ran"
    repo.write("a.r", "1\n")
    repo.commit()
    repo.write(".gitattributes", f"*.r filter={name}\n")
    repo.git("config", f"filter.{name}.{command}", f"touch {ran}; cat")
    repo.git("config", f"filter.{name}.required", "true")
    repo.write("a.r", "2\n")
    quiet = muted(settings(repo)) if trusted else silenced(settings(repo))
    changes = status(Git(repo.root), extra_env=quiet).changes
    clean(Git(repo.root), {"a.r": ""}, extra_env=quiet)
    assert not ran.exists()
    assert "a.r" in changes
    repo.try_git("status")
    assert ran.exists(), "the filter does run where nobody silences it"


def test_trusted_repositories_and_git_lfs_are_not_silenced(repo: Repo) -> None:
    rot(repo)
    assert silenced(settings(repo), trusted=True) == {}
    repo.git("config", "--remove-section", "filter.rot")
    repo.git("config", "filter.lfs.process", "git-lfs filter-process")
    repo.git("config", "filter.lfs.clean", "git-lfs clean -- %f")
    assert silenced(settings(repo)) == {}
    assert is_lfs(settings(repo), "lfs")


def test_what_must_never_be_plain_is_required_whatever_the_settings_say(repo: Repo) -> None:
    rot(repo, "git-crypt")
    rot(repo, "other")
    repo.write(".gitattributes", "*.s filter=git-crypt\n*.o filter=other\n")
    repo.write_all({"a.s": "1\n", "b.o": "1\n"})
    for name in ("git-crypt", "other"):
        repo.git("config", f"filter.{name}.clean", "exit 1")
    environment = guarded(settings(repo), trusted=True)
    found = clean(Git(repo.root), {"a.s": "git-crypt", "b.o": "other"}, extra_env=environment)
    assert set(found.refused) == {"a.s"} and set(found.oids) == {"b.o"}


def test_guarded_is_silenced_too(repo: Repo, tmp_path: Path) -> None:
    repo.git("config", "filter.evil.clean", f"touch {tmp_path}/ran; cat")
    repo.git("config", "filter.lfs.clean", "git-lfs clean -- %f")
    repo.write(".gitattributes", "*.r filter=evil\n")
    repo.write("a.r", "1\n")
    clean(Git(repo.root), {"a.r": "evil"}, extra_env=guarded(settings(repo)))
    assert not (tmp_path / "ran").exists()


def test_a_driver_that_is_unknown_says_so_and_not_that_it_is_not_trusted(repo: Repo) -> None:
    repo.write(".gitattributes", "*.r filter=nowhere\n")
    assert "not set up here" in kinds(repo, "a.r")["a.r"].reason


# -- git-lfs ------------------------------------------------------------------------------------------------------


@pytest.fixture
def lfs(repo: Repo) -> Repo:
    repo.git("lfs", "install", "--local", "--skip-repo")
    repo.write(".gitattributes", "*.big filter=lfs diff=lfs merge=lfs -text\n")
    repo.write("x.big", b"\0\r\n" * 1000)
    repo.write("y.big", b"small\n")
    return repo


@pytest.mark.usefixtures("git_lfs")
def test_lfs_files_become_pointers_and_come_back(lfs: Repo) -> None:
    assert kinds(lfs, "x.big", "y.big", "other") == {"x.big": GIT, "y.big": GIT, "other": NONE}
    oids = clean(Git(lfs.root), {"x.big": "lfs", "y.big": "lfs"}, extra_env=guarded(settings(lfs))).oids
    assert lfs.git_bytes("cat-file", "blob", oids["x.big"]).startswith(b"version https://git-lfs.github.com/spec/v1\n")
    assert oids == added(lfs, "x.big", "y.big")
    found = smudge(Git(lfs.root), [Wanted(*pair) for pair in oids.items()], extra_env=silenced(settings(lfs)))
    assert found.files == {"x.big": b"\0\r\n" * 1000, "y.big": b"small\n"}


@pytest.mark.usefixtures("git_lfs")
def test_lfs_set_up_and_not_installed_is_refused(lfs: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git = shutil.which("git")
    assert git is not None
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").symlink_to(git)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    found = kinds(lfs, "x.big")["x.big"]
    assert found.kind is Kind.REFUSED
    assert "git-lfs" in found.reason
