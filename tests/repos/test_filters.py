"""Conversions against what `git add` writes and `git checkout` produces."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitferry.repos import gitconfig, state
from gitferry.repos.filters import (
    EOL,
    GIT,
    NONE,
    Conversion,
    Kind,
    MissingBlob,
    clean,
    conversions,
    silenced,
    smudge,
)
from gitferry.repos.git import Git, GitError
from gitferry.repos.status import status
from gitferry.tests.repo import Repo

LATIN1 = os.fsdecode(b"caf\xe9")
needs_lfs = pytest.mark.skipif(shutil.which("git-lfs") is None, reason="git-lfs is not installed")


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


def cleaned(repo: Repo, *paths: str, extra_env: dict[str, str] | None = None) -> dict[str, str]:
    return clean(Git(repo.root), state.locate(repo.root, os.environ), paths, extra_env=extra_env)


def added(repo: Repo, *paths: str) -> dict[str, str]:
    """What git add makes of the files; the index goes back to what it was."""
    index = repo.root / ".git" / "index"
    before = index.read_bytes() if index.exists() else None
    repo.git("--literal-pathspecs", "add", "--", *paths)
    records = repo.git_bytes("ls-files", "-s", "-z").split(b"\0")
    entries = (os.fsdecode(record).partition("\t") for record in records if record)
    found = {path: entry.split()[1] for entry, _, path in entries}
    index.unlink()
    if before is not None:
        index.write_bytes(before)
    return {path: found[path] for path in paths}


def check_out(repo: Repo, path: str) -> bytes:
    repo.path(path).unlink(missing_ok=True)
    repo.git("--literal-pathspecs", "checkout", "--", path)
    return repo.read_bytes(path)


def rot(repo: Repo, name: str = "rot") -> None:
    repo.git("config", f"filter.{name}.clean", "tr a-y b-z")
    repo.git("config", f"filter.{name}.smudge", "tr b-z a-y")


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
        **dict.fromkeys(["a.txt", "a.set", "a.lf", "a.crlf", "a.old", "a.older", "new\nline.txt"], EOL),
        **dict.fromkeys(["a.bin", "a.img", "a.not", "a.both", "a.none", "other"], NONE),
        **dict.fromkeys(["a.id", "a.u16", "a.idbin"], GIT),
    }
    assert kinds(repo, *expected) == expected


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
    assert repo.git_bytes("cat-file", "blob", cleaned(repo, "a.c")["a.c"]) == b"b\r\n"


# -- there and back -----------------------------------------------------------------------------------------------

SAMPLES = {
    "auto.txt": b"a\r\nb\r\n",
    "mixed.txt": b"a\r\nb\n",
    "auto-binary.txt": b"a\r\n\0b\r\n",
    "lf.txt": b"a\nb\n",
    "ends.crlf": b"a\r\nb\r\n",
    "ends-lf.crlf": b"a\nb\n",
    "words.id": b"$Id: stale $\n",
    "wide.u16": "\ufeffgr\u00fc\u00dfe\n".encode("utf-16-le"),
    "secret.r": b"hello\n",
    "raw.bin": b"a\r\n",
    "empty.txt": b"",
    "dir/with space.crlf": b"a\r\n",
    "new\nline.crlf": b"a\r\n",
    'quo"te\\.crlf': b"b\r\n",
    "-dash.crlf": b"c\r\n",
    " leading.crlf": b"d\r\n",
    "\ttab.crlf": b"e\r\n",
    "trailing .crlf ": b"f\r\n",
    f"{LATIN1}.crlf": b"g\r\n",
    "carriage\r.crlf": b"h\r\n",
    ":(top)magic.crlf": b"i\r\n",
}


@pytest.fixture
def converting(repo: Repo) -> Repo:
    """A repository with a file for every conversion, not yet added."""
    rot(repo)
    lines = ["*.txt text=auto", "*.crlf eol=crlf", "*.id ident", "*.r filter=rot", "*.bin -text"]
    repo.write(".gitattributes", "\n".join([*lines, "*.u16 working-tree-encoding=UTF-16"]) + "\n")
    repo.write_all(SAMPLES)
    return repo


def test_clean_writes_what_git_add_writes(converting: Repo) -> None:
    oids = cleaned(converting, *SAMPLES)
    assert oids == added(converting, *SAMPLES)
    assert all(converting.has(oid) for oid in oids.values())
    assert converting.git_bytes("cat-file", "blob", oids["secret.r"]) == b"ifmmp\n"


def test_what_keeps_its_bytes_is_not_changed_by_git_add(converting: Repo) -> None:
    found = kinds(converting, *SAMPLES, trusted=True)
    written = added(converting, *SAMPLES)
    kept = {path for path, data in SAMPLES.items() if found[path].keeps(data)}
    assert {"raw.bin", "lf.txt", "ends-lf.crlf", "empty.txt"} <= kept
    for path in kept:
        assert converting.git_bytes("cat-file", "blob", written[path]) == SAMPLES[path]


@pytest.mark.parametrize("autocrlf", ["true", "input", "false"])
def test_autocrlf_without_attributes(repo: Repo, autocrlf: str) -> None:
    repo.git("config", "core.autocrlf", autocrlf)
    files = {path: data for path, data in SAMPLES.items() if path.endswith(".txt")}
    repo.write_all(files)
    assert cleaned(repo, *files) == added(repo, *files)
    repo.commit()
    pairs = [(path, repo.git("rev-parse", f"HEAD:{path}")) for path in files]
    assert smudge(Git(repo.root), pairs) == {path: check_out(repo, path) for path in files}


def test_crlf_already_in_the_index_stays(repo: Repo) -> None:
    repo.write_all({"old.txt": "a\r\n", "id.txt": "a\r\n$Id$\r\n", "set.c": "a\r\n", "plain.txt": "a\n"})
    repo.commit("with CRLF")
    repo.write(".gitattributes", "*.txt text=auto\nid.txt ident\n*.c text\n")
    files = {"old.txt": "b\r\n", "id.txt": "b\r\n$Id: x $\r\n", "set.c": "b\r\n", "plain.txt": "b\r\n"}
    repo.write_all(files)
    index = (repo.root / ".git" / "index").read_bytes()
    oids = cleaned(repo, *files)
    assert (repo.root / ".git" / "index").read_bytes() == index
    assert oids == added(repo, *files)
    assert repo.git_bytes("cat-file", "blob", oids["old.txt"]) == b"b\r\n"
    assert repo.git_bytes("cat-file", "blob", oids["set.c"]) == b"b\n"


def test_smudge_gives_what_git_checkout_writes(converting: Repo) -> None:
    converting.commit()
    pairs = [(path, converting.git("rev-parse", f"HEAD:{path}")) for path in SAMPLES]
    found = smudge(Git(converting.root), pairs)
    assert found == {path: check_out(converting, path) for path in SAMPLES}
    assert found["secret.r"] == b"hello\n"
    assert found["ends-lf.crlf"] == b"a\r\nb\r\n"


def test_smudge_reads_the_attributes_of_the_working_tree(converting: Repo) -> None:
    converting.commit()
    oid = converting.git("rev-parse", "HEAD:ends.crlf")
    converting.write(".gitattributes", "*.crlf eol=lf\n")
    assert smudge(Git(converting.root), [("ends.crlf", oid)]) == {"ends.crlf": b"a\nb\n"}
    converting.write(".gitattributes", "later.x eol=crlf\n")
    assert smudge(Git(converting.root), [("later.x", oid)]) == {"later.x": b"a\r\nb\r\n"}


def test_smudge_of_content_that_looks_like_an_answer(repo: Repo) -> None:
    repo.write_all({"a": "0" * 40 + " blob 3\nabc\n", "b": "no end", "c": "\n\n", "d": f"{'1' * 40} missing\n"})
    repo.commit()
    pairs = [(path, repo.git("rev-parse", f"HEAD:{path}")) for path in "abcd"]
    assert smudge(Git(repo.root), pairs) == {path: repo.read_bytes(path) for path in "abcd"}


def test_missing_blob_is_named(repo: Repo) -> None:
    repo.write("a", "1\n")
    repo.commit()
    there = repo.git("rev-parse", "HEAD:a")
    for pairs in ([("a", there), ("b", "1" * 40)], [("b", "1" * 40), ("a", there)]):
        with pytest.raises(MissingBlob, match="'b'"):
            smudge(Git(repo.root), pairs)


def test_nothing_asked_is_nothing_started(repo: Repo) -> None:
    git = Counting(repo.root)
    assert smudge(git, []) == {}
    assert clean(git, state.locate(repo.root, os.environ), []) == {}
    assert git.verbs == []


def test_required_filter_that_fails_is_an_error(converting: Repo) -> None:
    oid = added(converting, "secret.r")["secret.r"]
    converting.git("config", "filter.rot.required", "true")
    converting.git("config", "filter.rot.clean", "false")
    converting.git("config", "filter.rot.smudge", "false")
    with pytest.raises(GitError, match="rot"):
        cleaned(converting, "secret.r")
    with pytest.raises(GitError, match="rot"):
        smudge(Git(converting.root), [("secret.r", oid)])


def test_vanished_file_is_an_error(repo: Repo) -> None:
    with pytest.raises(GitError, match="gone"):
        cleaned(repo, "gone")


# -- filters that may not run -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["evil", "with=sign", "Upper.dot"])
@pytest.mark.parametrize("command", ["clean", "process"])
def test_silenced_filters_are_not_started(repo: Repo, tmp_path: Path, name: str, command: str) -> None:
    ran = tmp_path / "ran"
    repo.write("a.r", "1\n")
    repo.commit()
    repo.write(".gitattributes", f"*.r filter={name}\n")
    repo.git("config", f"filter.{name}.{command}", f"touch {ran}; cat")
    repo.git("config", f"filter.{name}.required", "true")
    repo.write("a.r", "2\n")
    config = gitconfig.read(Git(repo.root))
    quiet = silenced(config)
    changes = status(Git(repo.root), extra_env=quiet).changes
    cleaned(repo, "a.r", extra_env=quiet)
    assert not ran.exists()
    assert "a.r" in changes
    repo.try_git("status")
    assert ran.exists(), "the filter does run where nobody silences it"


def test_trusted_repositories_and_git_lfs_are_not_silenced(repo: Repo) -> None:
    rot(repo)
    assert silenced(gitconfig.read(Git(repo.root)), trusted=True) == {}
    repo.git("config", "--remove-section", "filter.rot")
    repo.git("config", "filter.lfs.process", "git-lfs filter-process")
    repo.git("config", "filter.lfs.clean", "git-lfs clean -- %f")
    assert silenced(gitconfig.read(Git(repo.root))) == {}


# -- git-lfs ------------------------------------------------------------------------------------------------------


@pytest.fixture
def lfs(repo: Repo) -> Iterator[Repo]:
    repo.git("lfs", "install", "--local", "--skip-repo")
    repo.write(".gitattributes", "*.big filter=lfs diff=lfs merge=lfs -text\n")
    repo.write("x.big", b"\0\r\n" * 1000)
    repo.write("y.big", b"small\n")
    yield repo


@needs_lfs
def test_lfs_files_become_pointers_and_come_back(lfs: Repo) -> None:
    assert kinds(lfs, "x.big", "y.big", "other") == {"x.big": GIT, "y.big": GIT, "other": NONE}
    quiet = silenced(gitconfig.read(Git(lfs.root)))
    oids = cleaned(lfs, "x.big", "y.big", extra_env=quiet)
    assert lfs.git_bytes("cat-file", "blob", oids["x.big"]).startswith(b"version https://git-lfs.github.com/spec/v1\n")
    assert oids == added(lfs, "x.big", "y.big")
    assert smudge(Git(lfs.root), oids.items(), extra_env=quiet) == {"x.big": b"\0\r\n" * 1000, "y.big": b"small\n"}


@needs_lfs
def test_lfs_set_up_and_not_installed_is_refused(lfs: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git = shutil.which("git")
    assert git is not None
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").symlink_to(git)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    found = kinds(lfs, "x.big")["x.big"]
    assert found.kind is Kind.REFUSED
    assert "git-lfs" in found.reason
