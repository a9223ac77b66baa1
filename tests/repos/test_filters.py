"""Which conversion stands before which file, whoever does it then."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gitferry.repos import gitconfig, state
from gitferry.repos.filters import EOL, GIT, NONE, Conversion, Kind, conversions
from gitferry.repos.git import Git
from gitferry.tests.repo import Repo
from gitferry.tests.repos.converting import rot


class Counting(Git):
    """The real runner, which notes what it was asked to run."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.verbs: list[str] = []

    def run(self, *args: str, **options):  # type: ignore[no-untyped-def]  # passes through what the runner takes
        self.verbs.append(next(word for word in args if not word.startswith("-")))
        return super().run(*args, **options)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.init(tmp_path / "work", "--template=")


def kinds(repo: Repo, *paths: str, trusted: bool = False, git: Git | None = None) -> dict[str, Conversion]:
    git = git or Git(repo.root)
    place = state.locate(repo.root, os.environ)
    return conversions(git, place, gitconfig.read(Git(repo.root)), paths, trusted=trusted)


# -- which --------------------------------------------------------------------------------------------------------


def test_without_attributes_nothing_converts_and_nothing_is_started(repo: Repo) -> None:
    git = Counting(repo.root)
    assert kinds(repo, "a", "deep/er/b", git=git) == {"a": NONE, "deep/er/b": NONE}
    assert git.verbs == []


def test_autocrlf_alone_concerns_every_file(repo: Repo) -> None:
    for value in ("true", "input"):
        repo.git("config", "core.autocrlf", value)
        git = Counting(repo.root)
        assert kinds(repo, "a", git=git) == {"a": EOL}
        assert git.verbs == []
    repo.git("config", "core.safecrlf", "true")
    assert kinds(repo, "a") == {"a": GIT}


def test_every_attribute_that_converts(repo: Repo) -> None:
    lines = ["*.txt text=auto", "*.set text", "*.bin -text", "*.img binary", "*.lf eol=lf", "*.crlf eol=crlf"]
    lines += ["*.old crlf", "*.older crlf=input", "*.not -crlf", "*.id ident", "*.u16 working-tree-encoding=UTF-16"]
    lines += ["*.both -text eol=crlf", "*.idbin -text ident", "*.none diff=python linguist-vendored"]
    repo.write(".gitattributes", "\n".join(lines) + "\n")
    expected = {
        **dict.fromkeys(["a.txt", "a.set", "a.lf", "a.crlf", "a.old", "a.older", "a.both", "new\nline.txt"], EOL),
        **dict.fromkeys(["a.bin", "a.img", "a.not", "a.none", "other"], NONE),
        **dict.fromkeys(["a.id", "a.u16", "a.idbin"], GIT),
    }
    assert kinds(repo, *expected) == expected


def test_where_gits_answer_is_ambiguous_git_converts(repo: Repo) -> None:
    # git check-attr prints the same for `-text` and `text=unset`, of which only the first means anything.
    repo.write(".gitattributes", "*.txt text=unset eol=crlf\n*.id ident=set\n*.enc working-tree-encoding\n")
    assert kinds(repo, "a.txt", "a.id", "a.enc") == {"a.txt": EOL, "a.id": GIT, "a.enc": GIT}
    repo.git("config", "core.autocrlf", "true")
    repo.write(".gitattributes", "*.txt text=unset\n")
    assert kinds(repo, "a.txt") == {"a.txt": EOL}


@pytest.mark.parametrize("value", ["true", "yes", "on", "1", "TRUE"])
def test_git_sees_every_file_where_it_refuses_what_would_not_come_back(repo: Repo, value: str) -> None:
    repo.write(".gitattributes", "*.txt eol=crlf\n")
    repo.git("config", "core.safecrlf", value)
    assert kinds(repo, "a.txt") == {"a.txt": GIT}
    assert not kinds(repo, "a.txt")["a.txt"].keeps(b"a\n")


def test_a_driver_that_is_called_like_a_state_of_attributes_is_one(repo: Repo) -> None:
    rot(repo, "unset")
    repo.write(".gitattributes", "*.r filter=unset\n*.s filter=set\n*.e filter=\n")
    found = kinds(repo, "a.r", "a.s", "a.e", trusted=True)
    assert found == {"a.r": GIT, "a.s": NONE, "a.e": NONE}
    assert found["a.r"].driver == "unset"
    assert kinds(repo, "a.r")["a.r"].kind is Kind.REFUSED


def test_attributes_are_found_wherever_git_reads_them(repo: Repo, home: Path, tmp_path: Path) -> None:
    assert kinds(repo, "sub/a", "b") == {"sub/a": NONE, "b": NONE}
    repo.write("sub/.gitattributes", "a ident\n")
    assert kinds(repo, "sub/a", "b") == {"sub/a": GIT, "b": NONE}
    repo.delete("sub/.gitattributes")
    for file in (repo.root / ".git" / "info" / "attributes", home / ".config" / "git" / "attributes"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("[attr]keyword ident\nb keyword\n")
        assert kinds(repo, "sub/a", "b") == {"sub/a": NONE, "b": GIT}, file
        file.unlink()
    (tmp_path / "attributes").write_text("b ident\n")
    repo.git("config", "core.attributesFile", str(tmp_path / "attributes"))
    assert kinds(repo, "b") == {"b": GIT}


def test_attributes_of_a_linked_worktree(repo: Repo, tmp_path: Path) -> None:
    repo.write("a", "1\n")
    repo.commit()
    repo.git("worktree", "add", "-q", str(tmp_path / "linked"))
    repo.write(".git/info/attributes", "a ident\n")
    assert kinds(Repo(tmp_path / "linked"), "a") == {"a": GIT}


def test_filter_needs_trust(repo: Repo) -> None:
    rot(repo)
    repo.write(".gitattributes", "*.r filter=rot\n*.n filter=nowhere\n*.plain -filter\n")
    found = kinds(repo, "a.r", "a.n", "a.plain", "a")
    assert (found["a.r"].kind, found["a.n"].kind, found["a.plain"], found["a"]) == (
        Kind.REFUSED,
        Kind.REFUSED,
        NONE,
        NONE,
    )
    assert "rot" in found["a.r"].reason
    assert "trusted" in found["a.r"].reason
    assert kinds(repo, "a.r", "a.n", trusted=True) == {"a.r": GIT, "a.n": NONE}


def test_filter_that_must_run_and_cannot(repo: Repo) -> None:
    repo.write(".gitattributes", "*.r filter=must\n*.c filter=git-crypt\n*.big filter=lfs\n")
    repo.git("config", "filter.must.required", "true")
    found = kinds(repo, "a.r", "a.c", "a.big", trusted=True)
    assert {conversion.kind for conversion in found.values()} == {Kind.REFUSED}
    assert "git lfs install" in found["a.big"].reason


def test_a_driver_called_lfs_that_is_another_program_needs_trust(repo: Repo, tmp_path: Path) -> None:
    repo.write(".gitattributes", "*.big filter=lfs\n")
    repo.git("config", "filter.lfs.clean", f"git-lfs clean -- %f; touch {tmp_path / 'ran'}")
    assert kinds(repo, "a.big")["a.big"].kind is Kind.REFUSED


def test_attributes_outside_a_sparse_checkout_refuse_what_they_may_govern(repo: Repo) -> None:
    repo.write_all({".gitattributes": "*.big ident\n", "in/a.big": "$Id$\n", "out/b": "1\n"})
    repo.commit()
    repo.git("sparse-checkout", "set", "--no-cone", "/in/")
    assert not repo.exists(".gitattributes")
    assert kinds(repo, "in/a.big")["in/a.big"].kind is Kind.REFUSED
    repo.git("sparse-checkout", "set", "--cone", "in")
    assert kinds(repo, "in/a.big") == {"in/a.big": GIT}


def test_deleted_attributes_govern_nothing(repo: Repo) -> None:
    repo.write_all({".gitattributes": "*.c eol=crlf\n", "a.c": "a\r\n"})
    repo.commit()
    repo.delete(".gitattributes")
    repo.write("a.c", "b\r\n")
    assert kinds(repo, "a.c") == {"a.c": NONE}
    repo.write(".gitattributes", "*.h eol=crlf\n")
    assert kinds(repo, "a.c") == {"a.c": NONE}
