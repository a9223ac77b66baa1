"""Whatever is run in a scratch repository, the user's is as it was; each layout is exact, whatever the last left."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitferry.repos import state
from gitferry.repos.claimed import NotOurs
from gitferry.repos.git import GitError
from gitferry.repos.hooks import Scratches
from gitferry.repos.scratch_repository import ScratchUnusable
from gitferry.tests.repo import Repo
from gitferry.tests.repos.hooking import Hooked, a_hooked_repository, everything

needs_lfs = pytest.mark.skipif(shutil.which("git-lfs") is None, reason="git-lfs is not installed")


@pytest.fixture
def hooked(tmp_path: Path) -> Iterator[Hooked]:
    with a_hooked_repository(tmp_path / "work") as hooked:
        yield hooked


@pytest.fixture
def repo(hooked: Hooked) -> Repo:
    return hooked.repo


# -- the user's -----------------------------------------------------------------------------------------------------

HARM = {
    "checkout": "git checkout -- . && git reset -q --hard && git clean -ffdxq",
    "stash": "echo x > a && git stash -q -u && git stash list",
    "stage": "echo x > a && git add -A && git commit -q --no-verify -m mine && git commit -q --amend -m again",
    "refs": "git branch -D other && git tag -d v1 && git update-ref -d refs/remotes/origin/main && git branch -m gone",
    "worktrees": "git worktree prune --expire=now && git worktree add -q ../more",
    "settings": "git config user.name Mallory && git config --unset-all remote.origin.url && git remote add x y",
    "objects": "git reflog expire --expire=now --all && git gc -q --prune=now && git repack -qad",
    "hooks": "echo 'exit 1' > $0 && rm .git/info/exclude",
    "by the hook's own place": 'cd "$(dirname "$0")/../.." && rm -rf a && git stash -q -u && git add -A',
    "above": "for n in 1 2 3; do cd .. && git update-ref -d refs/heads/main; git stash -q; git branch -D other; done",
    "rm": "rm -rf .git; rm -rf -- * .[!.]*",
    "its own top": 'mv "$PWD" ../elsewhere; ln -s /etc ../work',
    "readonly": "mkdir -p x/y && echo z > x/y/z && chmod -R a-w x && chmod 0 x/y",
    "locks": "touch .git/index.lock .git/HEAD.lock && mkdir .git/refs/heads/main",
}


def test_nothing_of_the_user_s_is_touched(remote: Repo, repo: Repo, hooked: Hooked) -> None:
    repo.git("remote", "add", "origin", str(remote.root))
    repo.git("fetch", "-q", "origin")
    repo.git("branch", "other")
    repo.git("tag", "v1")
    repo.write("a", "to be stashed\n")
    repo.git("stash", "-q")
    repo.write("a", "staged\n")
    repo.git("add", "a")
    repo.write("a", "edited\n")
    repo.write("untracked", "mine\n")
    repo.write(".git/info/exclude", "ignored\n")
    repo.write("ignored", "mine\n")
    tree = hooked.tree({"a": "carried\n", "b": "2\n"})
    parents, far = [repo.head], remote.refs()
    for name, harm in HARM.items():
        repo.hook("pre-commit", f"echo ran\n{harm}")
        before = everything(repo)
        for _ in range(2):
            verdict = hooked.hooks.for_commit(tree, parents=parents, branch="main", message="m\n")
            assert verdict.ran[0].output.startswith("ran")
            assert everything(repo) == before, name
    assert remote.refs() == far
    repo.fsck()
    hooked.scratches.close()
    assert not any((repo.root / ".git/gitferry").rglob("*/*"))


def test_a_hook_cannot_push(remote: Repo, repo: Repo, hooked: Hooked) -> None:
    repo.git("remote", "add", "origin", str(remote.root))
    repo.git("config", "--add", "remote.origin.pushurl", str(remote.root))
    repo.git("config", "remote.origin.mirror", "true")
    before = remote.refs()
    push = "git config remote.origin.url; git push --no-verify origin HEAD; git push --no-verify origin --all; exit 1"
    for name in ("pre-commit", "pre-push"):
        repo.hook(name, push)
    for failed in (hooked.commit({"b": "2\n"}).failed, hooked.push().failed):
        assert failed is not None and failed.output.startswith(str(remote.root))
        assert "'a hook that gitferry runs cannot push' does not appear to be a git repository" in failed.output
    assert remote.refs() == before


def test_a_linked_worktree_is_not_touched_and_nor_is_its_main_one(repo: Repo, hooked: Hooked, tmp_path: Path) -> None:
    repo.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))
    linked = Repo(tmp_path / "linked")
    linked.write("a", "edited\n")
    repo.hook("pre-commit", "git status --porcelain; pwd; git stash -q -u; git checkout -q -f HEAD~0; rm -rf -- *")
    other = Hooked(linked, hooked.scratches)
    tree = other.tree({"b": "2\n"})
    place, before, theirs = state.locate(linked.root, os.environ), everything(linked), everything(repo)
    verdict = other.hooks.for_commit(tree, parents=[linked.head], branch="side", message="m\n")
    assert verdict.ran[0].output == f"A  b\n{other.scratch}"
    assert place.linked and other.scratch.is_relative_to(place.common_dir) and other.scratch.name == "linked"
    assert everything(linked) == before
    assert everything(repo) == theirs


def test_the_remote_s_relative_path_and_shallow_history_are_understood(tmp_path: Path, remote: Repo) -> None:
    for number in range(3):
        source = Repo.clone(remote.root, tmp_path / f"source-{number}")
        source.commit(f"more {number}", allow_empty=True)
        source.push()
    repo = Repo.clone(f"file://{remote.root}", tmp_path / "shallow", "--depth=1")
    repo.git("config", "remote.origin.url", os.path.relpath(remote.root, repo.root))
    repo.hook("pre-commit", "git log --format=%s; git ls-remote origin refs/heads/main")
    scratches = Scratches()
    said = Hooked(repo, scratches).commit({"b": "2\n"}).ran[0].output
    scratches.close()
    assert said == f"more 2\n{remote.tip('main')}\trefs/heads/main"


# -- each layout ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("harm", ["rm", "its own top", "readonly", "locks", "objects"])
def test_the_next_layout_is_exact(repo: Repo, hooked: Hooked, harm: str) -> None:
    for name in ("d/one", "d/two", "x", "same"):
        repo.write(name, f"{name}\n")
    repo.commit("more")
    repo.hook("pre-commit", f"[ -e second ] || {{ {HARM[harm]}; }}")
    hooked.commit({})
    repo.write(".gitignore", "left\n")
    repo.hook(
        "pre-commit",
        "[ -e second ] || { rm -rf x d; mkdir x; echo 1 > x/in; echo 1 > d; echo left > left; ln -s /etc more;"
        " git init -q nested; echo changed > same; git update-index --assume-unchanged same; touch -r a same; }",
    )
    hooked.commit({".gitignore": "left\n"})
    verdict = hooked.commit({"x": None, "d/one": None, "x/in": "2\n", "more/in": "3\n", "second": "", "a": "9\n"})
    assert verdict.failed is None and verdict.notes == ()
    expected = {"d/two": b"d/two\n", "same": b"same\n", "x/in": b"2\n", "more/in": b"3\n", "second": b"", "a": b"9\n"}
    assert Repo(hooked.scratch).worktree() == expected
    assert not (hooked.scratch / "nested").exists()


def test_only_what_differs_is_checked_out_again(repo: Repo, hooked: Hooked) -> None:
    repo.hook("pre-commit", "stat -c '%i %y' a; cat a; cat b")
    first = hooked.commit({"b": "2\n"}).ran[0].output.splitlines()
    second = hooked.commit({"b": "3\n"}).ran[0].output.splitlines()
    assert first == [second[0], "1", "2"] and second[1:] == ["1", "3"]


def test_a_scratch_repository_that_somebody_removed_is_made_again(repo: Repo, hooked: Hooked) -> None:
    repo.hook("pre-commit", "cat b")
    for _ in range(2):
        assert hooked.commit({"b": "2\n"}).ran[0].output == "2"
        shutil.rmtree(repo.path(".git/gitferry"))
    assert hooked.commit({"b": "2\n"}).ran[0].output == "2"
    shutil.rmtree(hooked.scratch)
    assert hooked.commit({"b": "2\n"}).ran[0].output == "2"


def test_other_users_may_not_have_made_its_place(repo: Repo, hooked: Hooked) -> None:
    repo.hook("pre-commit", "exit 0")
    place = repo.path(f".git/gitferry/hooks-{os.getuid()}")
    place.mkdir(parents=True)
    place.chmod(0o777)
    with pytest.raises(NotOurs):
        hooked.commit({})
    place.rmdir()
    place.symlink_to("/tmp")
    with pytest.raises(NotOurs):
        hooked.commit({})
    place.unlink()
    place.write_text("")
    with pytest.raises(ScratchUnusable, match="no scratch repository can be made"):
        hooked.commit({})


# -- the user's settings and conversions ------------------------------------------------------------------------------


def test_settings_hold_as_they_do_for_the_user(repo: Repo, hooked: Hooked, home: Path) -> None:
    (home / ".gitconfig").write_text(
        f'[user]\n\tname = Private\n\temail = me@home.example\n[includeIf "gitdir:{repo.root}/"]\n\tpath = work\n'
        "[core]\n\tfsmonitor = true\n\tuntrackedCache = true\n"
    )
    (home / "work").write_text("[user]\n\temail = me@work.example\n[alias]\n\thi = !echo hi\n")
    repo.git("config", "hooks.strict", "yes")
    repo.git("config", "core.worktree", str(repo.root))
    repo.git("config", "core.splitIndex", "true")
    repo.git("config", 'section.a "b" \\ c.d', 'x\ty;#\n"z"\\ ')
    for number in "12":
        repo.git("config", "--add", "multi.value", number)
    repo.hook(
        "pre-commit",
        "for key in user.name user.email hooks.strict multi.value 'section.a \"b\" \\ c.d'; do git config --get-all"
        ' "$key"; done; git hi; git rev-parse --show-toplevel; git config core.fsmonitor; ls .git | grep shared',
    )
    said = hooked.commit({"b": "2\n"}).ran[0].output.splitlines()
    expected = ["Private", "me@home.example", "me@work.example", "yes", "1", "2", "x\ty;#", '"z"\\ ', "hi"]
    assert said == [*expected, str(hooked.scratch), "false"]


def test_conditional_settings_hold_where_they_name_the_user_s_directory_alone(
    repo: Repo, hooked: Hooked, home: Path
) -> None:
    with (home / ".gitconfig").open("a") as file:
        file.write(f'[includeIf "gitdir:{repo.root}/.git"]\n\tpath = work\n')
    (home / "work").write_text("[user]\n\temail = me@work.example\n")
    repo.hook("pre-commit", "git config user.email; git config --get-all user.name")
    assert hooked.commit({"b": "2\n"}).ran[0].output == "me@work.example\nTest Person"


def test_filters_and_attributes_convert_as_for_the_user(repo: Repo, hooked: Hooked) -> None:
    repo.git("config", "filter.rot.clean", "tr a-y b-z")
    repo.git("config", "filter.rot.smudge", "tr b-z a-y")
    repo.write(".git/info/attributes", "*.info eol=crlf\n")
    repo.write(".gitattributes", "*.rot filter=rot\n*.crlf text eol=crlf\n")
    repo.write_all({"x.rot": "abc\n", "y.crlf": "1\r\n", "z.info": "2\r\n"})
    repo.commit("converted")
    repo.hook("pre-commit", "git status --porcelain; cat x.rot y.crlf z.info | od -An -c; git diff-files; exit 1")
    failed = hooked.commit({"b": "2\n"}).failed
    assert failed is not None and failed.proposal is None
    assert failed.output.splitlines() == ["A  b", r"   a   b   c  \n   1  \r  \n   2  \r  \n"]
    repo.git("config", "filter.rot.smudge", "false")
    repo.git("config", "filter.rot.required", "true")
    hooked.scratches.close()
    with pytest.raises(GitError, match="smudge filter rot failed"):
        hooked.commit({"b": "2\n"})


def test_a_sparse_checkout_stays_one(repo: Repo, hooked: Hooked) -> None:
    repo.write_all({"in/a": "1\n", "out/b": "2\n"})
    repo.commit("more")
    repo.git("sparse-checkout", "set", "in")
    repo.hook("pre-commit", "find . -path ./.git -prune -o -type f -print | sort; git status --porcelain")
    verdict = hooked.commit({"in/a": "3\n"})
    assert verdict.ran[0].output.splitlines() == ["./a", "./in/a", "M  in/a"]
    assert verdict.failed is None and verdict.notes == ()


def test_submodules_stay_empty_directories(repo: Repo, hooked: Hooked, tmp_path: Path) -> None:
    other = Repo.init(tmp_path / "other", "--template=")
    other.write("x", "1\n")
    other.commit("x")
    repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other.root), "sub")
    repo.git("config", "submodule.recurse", "true")
    repo.git("commit", "-qm", "sub")
    repo.hook("pre-commit", "ls sub; git status --porcelain")
    for _ in range(2):
        verdict = hooked.commit({"b": "2\n"})
        assert verdict.failed is None and verdict.notes == () and verdict.ran[0].output == "A  b"


@needs_lfs
@pytest.mark.parametrize("storage", [None, "elsewhere", "{tmp}/outside"])
def test_large_files_are_there_and_the_user_s_store_is_not_written(
    repo: Repo, hooked: Hooked, tmp_path: Path, storage: str | None
) -> None:
    repo.git("lfs", "install", "--local", "--skip-repo")
    if storage is not None:
        repo.git("config", "lfs.storage", storage.format(tmp=tmp_path))
    repo.git("lfs", "track", "*.bin")
    repo.write("x.bin", b"\0large" * 1000)
    repo.commit("large")
    store = {None: repo.path(".git/lfs"), "elsewhere": repo.path(".git/elsewhere")}.get(storage, tmp_path / "outside")
    before = {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}
    assert any(content == b"\0large" * 1000 for content in before.values())
    repo.hook(
        "pre-commit",
        "git status --porcelain; wc -c < x.bin; echo other > y.bin; git add y.bin; git rm -q --cached y.bin x.bin;"
        " git commit -q --no-verify -m gone; git lfs prune --force --recent >/dev/null 2>&1; git reset -q --hard HEAD^",
    )
    verdict = hooked.commit({"b": "2\n"})
    assert verdict.ran[0].output.splitlines()[:2] == ["A  b", "6000"]
    assert {path: path.read_bytes() for path in store.rglob("*") if path.is_file()} == before


@needs_lfs
def test_a_hook_of_the_user_s_that_sends_large_files_among_other_things(
    remote: Repo, repo: Repo, hooked: Hooked, tmp_path: Path
) -> None:
    repo.git("remote", "add", "origin", str(remote.root))
    repo.git("lfs", "install", "--local")
    assert repo.exists(".git/hooks/pre-push")
    assert hooked.hooks.names() == (), "gitferry sends large files itself"
    repo.git("lfs", "track", "*.bin")
    repo.write("x.bin", b"\0large" * 1000)
    repo.commit("large")
    repo.hook("pre-push", 'echo "$1"; exec git lfs pre-push "$@"')
    verdict = hooked.push(url=str(remote.root))
    assert verdict.failed is None, verdict.failed
    stored = [path for path in (remote.root / "lfs" / "objects").rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in stored] == [b"\0large" * 1000]


def test_keys_that_a_filter_keeps_in_the_git_directory_are_found(repo: Repo, hooked: Hooked) -> None:
    repo.write(".git/git-crypt/keys/default", "key\n")
    repo.git("config", "filter.git-crypt.smudge", 'cat "$(git rev-parse --git-dir)/git-crypt/keys/default"; cat')
    repo.git("config", "filter.git-crypt.clean", "sed 1d")
    repo.git("config", "filter.git-crypt.required", "true")
    repo.write(".gitattributes", "secret filter=git-crypt\n")
    repo.write("secret", "key\nplain\n")
    repo.commit("secret")
    repo.hook("pre-commit", "cat secret")
    assert hooked.commit({"b": "2\n"}).ran[0].output == "key\nplain"


def test_sha256(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path / "sha256", "--template=", "--object-format=sha256")
    repo.write("a", "1\n")
    repo.commit("one")
    repo.hook("pre-commit", "git status --porcelain; git rev-parse --show-object-format")
    scratches = Scratches()
    verdict = Hooked(repo, scratches).commit({"b": "2\n"})
    scratches.close()
    assert (verdict.failed, verdict.ran[0].output) == (None, "A  b\nsha256")


# -- its end --------------------------------------------------------------------------------------------------------


def test_it_goes_with_the_process_however_that_ends(repo: Repo, hooked: Hooked, tmp_path: Path) -> None:
    repo.hook("pre-commit", '[ -z "$DIE" ] || kill -9 $PPID; sleep 0.1')
    program = (
        "import sys; from pathlib import Path; from gitferry.tests.repo import Repo;"
        "from gitferry.repos.hooks import Scratches; from gitferry.tests.repos.hooking import Hooked;"
        "Hooked(Repo(Path(sys.argv[1])), Scratches()).commit({'b': '2'})"
    )
    command = [sys.executable, "-c", program, str(repo.root)]
    place = repo.path(f".git/gitferry/hooks-{os.getuid()}")
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / ".typing")}
    subprocess.run(command, check=True, env=environ)
    assert list(place.iterdir()) == []
    assert subprocess.run(command, check=False, env={**environ, "DIE": "1"}).returncode == -9
    assert len(list(place.iterdir())) == 2
    hooked.commit({"b": "2\n"})
    assert sorted(path.suffix for path in place.iterdir()) == ["", ".lock"]
    assert hooked.scratch.parent in place.iterdir()
