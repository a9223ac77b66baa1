"""Places and working states of real repositories, each brought into its state by git itself."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gitferry.config.errors import GitferryError
from gitferry.repos import gitconfig
from gitferry.repos import state as module
from gitferry.repos.git import Git, GitError
from gitferry.repos.gitconfig import BadSetting, Config
from gitferry.repos.state import (
    BareRepository,
    NotARepository,
    NotTheRoot,
    Place,
    PlaceError,
    RootMissing,
    UnsafeOwner,
    WorkingState,
    locate,
    working_state,
)
from gitferry.repos.status import status
from gitferry.repos.upstream import Upstream
from gitferry.repos.upstream import upstream as upstream_of
from gitferry.tests.repo import Repo

NOBODY = 65534


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo.init(tmp_path / "work", "--template=")
    made.write("a.txt", "1\n")
    made.commit("one")
    return made


def place_of(repo: Repo) -> Place:
    return locate(repo.root, os.environ)


def state_of(repo: Repo) -> WorkingState:
    place = place_of(repo)
    return working_state(Git(place.root, git_dir=place.git_dir), place)


def diverge(repo: Repo) -> None:
    """Branches main and side whose last commits change the same line."""
    repo.git("checkout", "-q", "-b", "side")
    for text in ("side\n", "side again\n"):
        repo.write("a.txt", text)
        repo.commit(text)
    repo.git("checkout", "-q", "main")
    repo.write("a.txt", "main\n")
    repo.commit("main")


# -- where --------------------------------------------------------------------------------------------------------


def test_ordinary_repository(repo: Repo) -> None:
    git_dir = repo.root / ".git"
    assert place_of(repo) == Place(repo.root, git_dir, git_dir)
    assert not place_of(repo).linked


def test_reached_through_a_link_the_real_path_counts(repo: Repo, tmp_path: Path) -> None:
    (tmp_path / "by-link").symlink_to(repo.root)
    assert locate(tmp_path / "by-link", os.environ) == place_of(repo)


def test_linked_worktree(repo: Repo, tmp_path: Path) -> None:
    repo.git("worktree", "add", "-q", "-b", "other", str(tmp_path / "linked"))
    linked = Repo(tmp_path / "linked")
    place = place_of(linked)
    assert place == Place(linked.root, repo.root / ".git" / "worktrees" / "linked", repo.root / ".git")
    assert place.linked
    assert (state_of(linked).branch, state_of(repo).branch) == ("other", "main")
    assert state_of(linked).head == repo.head


def test_separate_git_directory(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path / "tree", "--template=", f"--separate-git-dir={tmp_path / 'elsewhere.git'}")
    assert place_of(repo).git_dir == tmp_path / "elsewhere.git"


def test_names_with_newlines_and_other_bytes(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path / os.fsdecode(b"new\nline \xe9"), "--template=")
    assert place_of(repo).root == repo.root
    assert state_of(repo).branch == "main"


def refused(path: Path, kind: type[PlaceError]) -> PlaceError:
    with pytest.raises(kind) as caught:
        locate(path, os.environ)
    assert str(path) in caught.value.title
    assert caught.value.hint, "every refusal has its remedy"
    return caught.value


def test_missing_and_not_a_directory(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere", RootMissing)
    (tmp_path / "file").touch()
    refused(tmp_path / "file", RootMissing)


def test_no_repository(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    refused(tmp_path / "plain", NotARepository)


def test_broken_git_file(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / ".git").write_text("gitdir: /nowhere/at/all\n")
    assert "/nowhere/at/all" in refused(tmp_path / "tree", NotARepository).title
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / ".git").mkdir()
    refused(tmp_path / "empty", NotARepository)


def test_bare(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path / "bare.git", "--bare", "--template=")
    refused(repo.root, BareRepository)
    refused(repo.root / "objects", BareRepository)


def test_below_the_top_and_in_the_git_directory(repo: Repo) -> None:
    repo.write("dir/x", "1\n")
    failure = refused(repo.root / "dir", NotTheRoot)
    assert isinstance(failure, NotTheRoot)
    assert failure.root == repo.root
    assert str(repo.root) in failure.title
    refused(repo.root / ".git", NotTheRoot)


def test_working_tree_set_elsewhere(repo: Repo, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    repo.git("config", "core.worktree", str(tmp_path / "elsewhere"))
    assert str(tmp_path / "elsewhere") in refused(repo.root, NotTheRoot).title


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_owned_by_someone_else(repo: Repo) -> None:
    subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", str(repo.root)], check=True)
    assert "safe.directory" in refused(repo.root, UnsafeOwner).hint
    repo.git("config", "--global", "--add", "safe.directory", str(repo.root))
    assert place_of(repo).root == repo.root


def test_path_that_the_system_refuses(tmp_path: Path) -> None:
    refused(tmp_path / ("n" * 300), module.Unreadable)


def test_unreadable(repo: Repo) -> None:
    repo.root.chmod(0)
    user = os.geteuid()
    try:
        if user == 0:  # root reads everything
            os.seteuid(NOBODY)
        refused(repo.root, module.Unreadable)
    finally:
        os.seteuid(user)
        repo.root.chmod(0o755)


def test_what_git_says_otherwise_stays_git_errors_words(repo: Repo) -> None:
    (repo.root / ".git" / "config").write_text("[broken\n")
    with pytest.raises(GitError, match="bad config"):
        place_of(repo)


# -- HEAD ---------------------------------------------------------------------------------------------------------


def test_branch_and_head(repo: Repo) -> None:
    state = state_of(repo)
    assert (state.branch, state.head, state.operation) == ("main", repo.head, None)
    repo.git("checkout", "-q", "-b", "with/slash")
    assert (state_of(repo).branch, state_of(repo).head) == ("with/slash", repo.head)


def test_head_in_packed_refs_and_loose_over_it(repo: Repo) -> None:
    repo.git("branch", "main2")
    repo.git("branch", "zmain")
    repo.git("tag", "-a", "-m", "note", "v1")
    repo.git("pack-refs", "--all")
    assert not (repo.root / ".git/refs/heads/main").exists()
    assert state_of(repo).head == repo.head
    repo.write("a.txt", "2\n")
    repo.commit("two")
    assert state_of(repo).head == repo.head


def test_detached(repo: Repo) -> None:
    repo.git("checkout", "-q", "--detach")
    state = state_of(repo)
    assert (state.branch, state.head, state.upstream) == (None, repo.head, None)


def test_unborn(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path / "new", "--template=")
    state = state_of(repo)
    assert (state.branch, state.head) == ("main", None)
    repo.write("refs", "1\n")
    repo.commit("born")
    repo.git("pack-refs", "--all")
    repo.git("checkout", "-q", "--orphan", "ain")
    assert state_of(repo).head is None, "the end of another branch's name"


def test_branch_that_is_a_symbolic_ref(repo: Repo) -> None:
    repo.git("symbolic-ref", "refs/heads/alias", "refs/heads/main")
    repo.git("symbolic-ref", "HEAD", "refs/heads/alias")
    assert (state_of(repo).branch, state_of(repo).head) == ("alias", repo.head)


def test_head_as_a_link(repo: Repo) -> None:
    head = repo.root / ".git" / "HEAD"
    head.unlink()
    head.symlink_to("refs/heads/main")
    assert (state_of(repo).branch, state_of(repo).head) == ("main", repo.head)


def test_git_gives_the_same_answer_where_refs_are_no_files(repo: Repo, tmp_path: Path) -> None:
    git = Git(repo.root)
    assert module._head_by_git(git) == ("main", repo.head)
    assert module._operation_by_git(git) is None
    diverge(repo)
    repo.try_git("cherry-pick", "side")
    assert module._operation_by_git(git) == "cherry-pick"
    repo.git("cherry-pick", "--abort")
    repo.git("checkout", "-q", "--detach")
    assert module._head_by_git(git) == (None, repo.head)
    assert module._head_by_git(Git(Repo.init(tmp_path / "new", "--template=").root)) == ("main", None)


def test_vanished_head_is_named(repo: Repo) -> None:
    place = place_of(repo)
    (repo.root / ".git" / "HEAD").unlink()
    with pytest.raises(GitferryError):
        working_state(Git(place.root, git_dir=place.git_dir), place)


# -- operations ---------------------------------------------------------------------------------------------------


def begin_rebase(repo: Repo) -> None:
    repo.try_git("rebase", "side")


def begin_rebase_apply(repo: Repo) -> None:
    repo.try_git("rebase", "--apply", "side")


def begin_am(repo: Repo) -> None:
    patch = repo.git_bytes("format-patch", "--stdout", "main..side")
    subprocess.run(["git", "-C", str(repo.root), "am", "-q"], input=patch, capture_output=True, check=False)


def begin_merge(repo: Repo) -> None:
    repo.try_git("merge", "side")


def begin_clean_merge(repo: Repo) -> None:
    repo.git("merge", "-q", "-s", "ours", "--no-commit", "side")


def begin_cherry_pick(repo: Repo) -> None:
    repo.try_git("cherry-pick", "side")


def begin_revert(repo: Repo) -> None:
    repo.git("revert", "--no-commit", "HEAD")


def begin_bisect(repo: Repo) -> None:
    repo.git("bisect", "start", "side", "side~2")


def stop_between_picks(repo: Repo) -> None:
    repo.try_git("cherry-pick", "side~1", "side")
    repo.git("reset", "-q", "--hard")
    assert not (repo.root / ".git" / "CHERRY_PICK_HEAD").exists()


def stop_between_reverts(repo: Repo) -> None:
    repo.write("a.txt", "third\n")
    repo.commit("third")
    repo.try_git("revert", "--no-edit", "HEAD~1", "HEAD")
    repo.git("reset", "-q", "--hard")
    assert not (repo.root / ".git" / "REVERT_HEAD").exists()


@pytest.mark.parametrize(
    ("begin", "operation"),
    [
        (begin_rebase, "rebase"),
        (begin_rebase_apply, "rebase"),
        (begin_am, "am"),
        (begin_merge, "merge"),
        (begin_clean_merge, "merge"),
        (begin_cherry_pick, "cherry-pick"),
        (begin_revert, "revert"),
        (begin_bisect, "bisect"),
        (stop_between_picks, "cherry-pick"),
        (stop_between_reverts, "revert"),
    ],
)
def test_operation_in_progress(repo: Repo, begin: Callable[[Repo], None], operation: str) -> None:
    diverge(repo)
    assert state_of(repo).operation is None
    begin(repo)
    assert state_of(repo).operation == operation


def test_operation_belongs_to_its_worktree(repo: Repo, tmp_path: Path) -> None:
    diverge(repo)
    repo.git("worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
    linked = Repo(tmp_path / "linked")
    begin_merge(linked)
    assert (state_of(linked).operation, state_of(repo).operation) == ("merge", None)


def test_locks(repo: Repo) -> None:
    assert (state_of(repo).index_locked, state_of(repo).head_locked) == (False, False)
    (repo.root / ".git" / "index.lock").touch()
    assert state_of(repo).index_locked
    (repo.root / ".git" / "HEAD.lock").touch()
    assert state_of(repo).head_locked


# -- upstream -----------------------------------------------------------------------------------------------------


def test_upstream_of_a_clone(repo: Repo, tmp_path: Path) -> None:
    clone = Repo.clone(repo.root, tmp_path / "clone")
    state = state_of(clone)
    assert state.upstream == Upstream("origin", "main", "refs/remotes/origin/main", str(repo.root), "origin")
    assert state.remotes == ("origin",)


def test_upstream_before_its_tracking_ref_and_of_another_name(tmp_path: Path) -> None:
    remote = Repo.init(tmp_path / "remote.git", "--bare", "--template=")
    repo = Repo.init(tmp_path / "new", "--template=")
    repo.git("remote", "add", "hub", str(remote.root))
    assert (state_of(repo).upstream, state_of(repo).remotes) == (None, ("hub",))
    repo.git("config", "branch.main.remote", "hub")
    repo.git("config", "branch.main.merge", "refs/heads/Trunk/x")
    repo.git("config", "remote.hub.fetch", "+refs/heads/Trunk/*:refs/remotes/mine/*")
    upstream = state_of(repo).upstream
    assert upstream is not None
    assert (upstream.branch, upstream.tracking_ref) == ("Trunk/x", "refs/remotes/mine/x")
    repo.git("config", "remote.pushDefault", "fork")
    assert state_of(repo).upstream != upstream


def test_upstream_as_git_resolves_it(repo: Repo, tmp_path: Path) -> None:
    clone = Repo.clone(repo.root, tmp_path / "clone")
    clone.git("config", "url.https://example.org/.insteadOf", "short:")
    clone.git("config", "url.https://example.org/long/.insteadOf", "short:long/")
    clone.git("remote", "set-url", "origin", "short:long/x.git")
    upstream = state_of(clone).upstream
    assert upstream is not None
    assert upstream.url == clone.git("remote", "get-url", "origin") == "https://example.org/long/x.git"
    assert upstream.tracking_ref == clone.git("rev-parse", "--symbolic-full-name", "@{upstream}")


def test_upstream_in_the_same_repository(repo: Repo) -> None:
    repo.git("checkout", "-q", "--track", "-b", "topic", "main")
    upstream = state_of(repo).upstream
    assert upstream is not None
    assert upstream.local
    assert upstream.tracking_ref == "refs/heads/main"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, None),
        ({"branch.m.remote": "o"}, None),
        ({"branch.m.merge": "refs/heads/m"}, None),
        ({"branch.m.remote": "o", "branch.m.merge": "refs/tags/m"}, None),
        ({"branch.m.remote": "https://h/x", "branch.m.merge": "refs/heads/m"}, None),
        (
            {"branch.m.remote": "gone", "branch.m.merge": "refs/heads/m"},
            Upstream("gone", "m", "refs/remotes/gone/m", None, "gone"),
        ),
        (
            {
                "branch.m.remote": "o",
                "branch.m.merge": "refs/heads/m",
                "branch.m.pushremote": "mine",
                "remote.o.url": "u",
                "remote.o.fetch": "refs/heads/other:refs/x/other",
            },
            Upstream("o", "m", "refs/remotes/o/m", "u", "mine"),
        ),
    ],
)
def test_upstream_from_settings(settings: dict[str, str], expected: Upstream | None) -> None:
    config = Config({key: (value,) for key, value in settings.items()})
    assert upstream_of(config, "m") == expected


# -- the kind of repository ---------------------------------------------------------------------------------------


def test_sparse_checkout_with_and_without_sparse_index(repo: Repo) -> None:
    repo.write_all({"in/x": "1\n", "out/y": "1\n", "out/deep/z": "1\n"})
    repo.commit("directories")
    assert (state_of(repo).sparse, state_of(repo).sparse_index) == (False, False)
    repo.git("sparse-checkout", "set", "--cone", "in")
    assert (state_of(repo).sparse, state_of(repo).sparse_index) == (True, False)
    repo.git("sparse-checkout", "set", "--cone", "--sparse-index", "in")
    assert (state_of(repo).sparse, state_of(repo).sparse_index) == (True, True)
    repo.git("config", "index.threads", "2")
    repo.git("config", "index.recordEndOfIndexEntries", "true")
    repo.write("in/x", "2\n")
    repo.git("add", "in/x")
    assert b"EOIE" in (repo.root / ".git" / "index").read_bytes()
    assert state_of(repo).sparse_index
    repo.git("sparse-checkout", "disable")
    assert (state_of(repo).sparse, state_of(repo).sparse_index) == (False, False)


def test_settings_of_one_worktree_count(repo: Repo, tmp_path: Path) -> None:
    repo.git("worktree", "add", "-q", "-b", "other", str(tmp_path / "linked"))
    linked = Repo(tmp_path / "linked")
    linked.git("sparse-checkout", "set", "--cone", "in")
    assert (state_of(linked).sparse, state_of(repo).sparse) == (True, False)


def test_sha256(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path / "new", "--template=", "--object-format=sha256")
    repo.write_all({"in/x": "1\n", "out/y": "1\n"})
    repo.commit()
    state = state_of(repo)
    assert (state.sha256, state.head, state.sparse_index) == (True, repo.head, False)
    repo.git("sparse-checkout", "set", "--cone", "--sparse-index", "in")
    assert state_of(repo).sparse_index


def test_partial(repo: Repo, tmp_path: Path) -> None:
    repo.write("a.txt", "2\n")
    repo.commit("two")
    repo.git("config", "uploadpack.allowFilter", "true")
    shallow = Repo.clone(f"file://{repo.root}", tmp_path / "shallow", "--depth=1")
    partial = Repo.clone(f"file://{repo.root}", tmp_path / "partial", "--filter=blob:none")
    assert [state_of(each).partial for each in (shallow, partial, repo)] == [False, True, False]


def test_file_mode(repo: Repo) -> None:
    assert state_of(repo).file_mode
    repo.git("config", "core.fileMode", "false")
    assert not state_of(repo).file_mode


# -- settings -----------------------------------------------------------------------------------------------------


def test_includes_are_honoured_and_our_own_options_are_not_the_users(repo: Repo, tmp_path: Path) -> None:
    (tmp_path / "extra").write_text("[extra]\n\tKey = from include\n")
    repo.git("config", f"includeIf.gitdir:{repo.root}/.path", str(tmp_path / "extra"))
    (tmp_path / "never").write_text("[extra]\n\tkey = never\n")
    repo.git("config", "includeIf.onbranch:other.path", str(tmp_path / "never"))
    config = gitconfig.read(Git(repo.root))
    assert config.get("extra.key") == "from include"
    assert config.get("core.hookspath") is None
    assert config.get("user.name") == "Test Person"


def test_values_as_git_reads_them(repo: Repo) -> None:
    text = (
        '[x]\n\talone\n\tempty =\n\ton = Yes\n\toff = off\n\tone = 1\n\tzero = 0\n\tbad = perhaps\n\tlines = "a\\nb"\n'
    )
    with (repo.root / ".git" / "config").open("a") as file:
        file.write(text + '[x "Sub.Section"]\n\tkey = 1\n\tkey = 2\n')
    config = gitconfig.read(Git(repo.root))
    for key in ("alone", "empty", "on", "off", "one", "zero"):
        assert config.flag(f"x.{key}") == (repo.git("config", "--type=bool", f"x.{key}") == "true"), key
    assert config.flag("x.absent", default=True)
    with pytest.raises(BadSetting):
        config.flag("x.bad")
    assert config.get("x.lines") == "a\nb"
    assert config.all("x.Sub.Section.key") == ("1", "2")
    assert list(config.subsections("x")) == [("Sub.Section", "key")]
    assert config.get("x.alone") is None


def test_state_changes_nothing(repo: Repo) -> None:
    def everything() -> dict[str, tuple[int, bytes]]:
        files = (path for path in repo.root.rglob("*") if path.is_file())
        return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}

    before = everything()
    state_of(repo)
    assert everything() == before


def test_worktree_of_a_bare_repository(repo: Repo, tmp_path: Path) -> None:
    bare = Repo.clone(repo.root, tmp_path / "bare.git", "--bare")
    bare.git("worktree", "add", "-q", str(tmp_path / "linked"), "main")
    linked = Repo(tmp_path / "linked")
    assert place_of(linked).common_dir == bare.root
    assert (state_of(linked).branch, state_of(linked).head) == ("main", repo.head)
    linked.write("a.txt", "changed\n")
    git = Git(linked.root, git_dir=place_of(linked).git_dir)
    assert set(status(git).changes) == {"a.txt"}
