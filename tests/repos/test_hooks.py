"""Hooks get what git would give them, decide what git would let them decide, and reach nothing of the user's."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitferry.repos import gitconfig, state
from gitferry.repos.git import Git, GitCancelled
from gitferry.repos.hooks import Hooks
from gitferry.tests.repo import Repo
from gitferry.tests.repos.hooking import Hooked, a_hooked_repository, everything

# What a hook is told besides what git tells it (see repos/hook_stage.py).
OURS = {
    "GCM_INTERACTIVE",
    "GIT_ASKPASS",
    "GIT_CEILING_DIRECTORIES",
    "GIT_TERMINAL_PROMPT",
    "SSH_ASKPASS_REQUIRE",
}
SHOW = 'env | sort; echo "$0 $*"; pwd; ls -l /proc/self/fd/0'


@pytest.fixture
def hooked(tmp_path: Path) -> Iterator[Hooked]:
    with a_hooked_repository(tmp_path / "work") as hooked:
        yield hooked


@pytest.fixture
def repo(hooked: Hooked) -> Repo:
    return hooked.repo


# -- what runs ------------------------------------------------------------------------------------------------------


class Unused(Git):
    """A git that must not be started."""

    def run(self, *args: str, **options: object):  # type: ignore[no-untyped-def]
        raise AssertionError(f"git {args} was started")


def test_without_hooks_nothing_is_made_and_nothing_started(repo: Repo, hooked: Hooked) -> None:
    repo.hook("post-commit", "exit 1")
    place = state.locate(repo.root, os.environ)
    config = gitconfig.read(Git(repo.root))
    hooks = Hooks(Unused(repo.root), place, config, dict(os.environ), hooked.scratches, deadline=1)
    verdict = hooks.for_commit("0" * 40, parents=["1" * 40], branch="main", message="as it was")
    assert (verdict.message, verdict.ran, verdict.failed) == ("as it was", (), None)
    push = hooks.for_push("origin", "u", branch="main", commit="1" * 40, old=None, remote_branch="main")
    assert push.ran == () and hooks.names() == ()
    assert not repo.exists(".git/gitferry")


def test_the_hooks_of_a_commit_run_in_git_s_order_until_one_says_no(repo: Repo, hooked: Hooked) -> None:
    for name in ("pre-commit", "prepare-commit-msg", "commit-msg", "pre-push", "pre-merge-commit", "post-commit"):
        repo.hook(name, f"echo {name}")
    names = ("pre-commit", "pre-merge-commit", "prepare-commit-msg", "commit-msg", "pre-push")
    assert hooked.hooks.names() == names
    assert hooked.hooks.names("pre-push", "commit-msg") == ("commit-msg", "pre-push")
    verdict = hooked.commit({"b": "2\n"})
    assert [(ran.hook, ran.ok, ran.output) for ran in verdict.ran] == [
        (name, True, name) for name in ("pre-commit", "prepare-commit-msg", "commit-msg")
    ]
    repo.hook("prepare-commit-msg", "echo no; echo why >&2; exit 3")
    verdict = hooked.commit({"b": "2\n"})
    assert [ran.hook for ran in verdict.ran] == ["pre-commit", "prepare-commit-msg"]
    assert verdict.failed is not None
    assert (verdict.failed.output, verdict.failed.reason) == ("no\nwhy", "exit code 3")
    assert verdict.failed.proposal is None


def test_what_may_not_be_executed_is_ignored_and_told(repo: Repo, hooked: Hooked) -> None:
    repo.hook("pre-commit", "exit 1").chmod(0o644)
    assert hooked.hooks.names() == ()
    assert hooked.hooks.hints() == ("the hook pre-commit is ignored because it is not executable",)
    assert hooked.commit({"b": "2\n"}).failed is None
    repo.git("config", "advice.ignoredHook", "false")
    assert hooked.hooks.hints() == ()


def test_a_hook_sees_the_exact_tree_and_the_branch_as_it_is(repo: Repo, hooked: Hooked) -> None:
    repo.git("branch", "other")
    repo.git("tag", "-a", "v1", "-m", "v1")
    repo.git("update-ref", "refs/remotes/origin/main", "HEAD")
    repo.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    repo.write("staged", "by the user\n")
    repo.git("add", "staged")
    repo.write("a", "edited by the user\n")
    repo.write("untracked", "x\n")
    repo.hook(
        "pre-commit",
        "git status --porcelain; cat a b; ls; git rev-parse HEAD v1^{commit} other origin/main; git stash list;"
        " git symbolic-ref HEAD; git symbolic-ref refs/remotes/origin/HEAD; git diff --cached --name-status",
    )
    verdict = hooked.commit({"b": "2\n"})
    tip = repo.head
    assert verdict.ran[0].output.splitlines() == [
        *("A  b", "1", "2", "a", "b", tip, tip, tip, tip, "refs/heads/main", "refs/remotes/origin/main", "A\tb")
    ]


def test_names_links_and_modes_are_as_git_checks_them_out(repo: Repo, hooked: Hooked) -> None:
    names = ["two words", "new\nline", os.fsdecode(b"caf\xe9"), "-dash", "deep/er/ü", "tab\there", '"quoted"']
    for name in names:
        repo.write(name, f"{name.encode('utf-8', 'surrogateescape')!r}\n")
    repo.write("run", "#!/bin/sh\n", executable=True)
    repo.link("link", "deep/er")
    repo.link("nowhere", "/does/not/exist")
    repo.commit("names")
    repo.hook("pre-commit", "git status --porcelain; test -x run && readlink link nowhere")
    hooked.commit({})
    expected = repo.worktree()
    verdict = hooked.commit({"b": "2\n"})
    assert verdict.ran[0].output == "A  b\ndeep/er\n/does/not/exist"
    assert Repo(hooked.scratch).worktree() == expected | {"b": b"2\n"}


def test_on_an_unborn_branch(tmp_path: Path, hooked: Hooked) -> None:
    repo = Repo.init(tmp_path / "new", "--template=")
    hooked = Hooked(repo, hooked.scratches)
    repo.hook("pre-commit", "git rev-parse -q --verify HEAD; git symbolic-ref HEAD; git status --porcelain")
    verdict = hooked.commit({"a": "1\n"}, on=None)
    assert verdict.failed is None
    assert verdict.ran[0].output == "refs/heads/main\nA  a"
    repo.hook("pre-commit", "git commit -qm mine --no-verify")
    failed = hooked.commit({"a": "1\n"}, on=None).failed
    assert failed is not None and failed.reason.startswith("it moved the branch")


def test_an_empty_tree(repo: Repo, hooked: Hooked) -> None:
    repo.hook("pre-commit", "ls; git status --porcelain")
    assert hooked.commit({"a": None}).ran[0].output == "D  a"


# -- as git gives it ------------------------------------------------------------------------------------------------


def surroundings(text: str, top: Path) -> tuple[dict[str, str], list[str]]:
    """The environment and the lines after it that a hook with SHOW printed, with `top` named TOP."""
    lines = re.sub(r"pipe:\[\d+\]", "a pipe", text).replace(str(top), "TOP").splitlines()
    variables = dict(line.split("=", 1) for line in lines[:-3])
    rest = [*lines[-3:-1], lines[-1].partition(" -> ")[2]]
    left = {name for name in variables if name.startswith("GITFERRY_")} | OURS | {"OLDPWD", "_"}
    return {name: value for name, value in variables.items() if name not in left}, rest


def test_a_commit_s_hooks_are_called_as_git_calls_them(repo: Repo, hooked: Hooked, tmp_path: Path) -> None:
    names = ("pre-commit", "prepare-commit-msg", "commit-msg")
    for name in names:
        repo.hook(name, f"({SHOW}) > {tmp_path}/{name} 2>&1; cp {tmp_path}/{name} {tmp_path}/{name}-last")
    verdict = hooked.commit({"b": "2\n"})
    ours = {name: surroundings((tmp_path / name).read_text(), hooked.scratch) for name in names}
    assert verdict.failed is None
    repo.write("b", "2\n")
    repo.git("add", "b")
    date = {"GIT_AUTHOR_DATE": "2026-01-02T03:04:05Z"}
    repo.git("commit", "-q", "-m", "change", env=date)
    assert ours == {name: surroundings((tmp_path / name).read_text(), repo.root) for name in names}


def test_a_merge_s_hooks_are_called_as_git_calls_them(repo: Repo, hooked: Hooked, tmp_path: Path) -> None:
    first = repo.head
    repo.write("b", "2\n")
    theirs = repo.commit("theirs")
    repo.git("update-ref", "refs/heads/theirs", theirs)
    repo.git("reset", "-q", "--hard", first)
    repo.write("c", "3\n")
    ours = repo.commit("ours")
    names = ("pre-merge-commit", "prepare-commit-msg", "commit-msg")
    for name in (*names, "pre-commit"):
        repo.hook(name, f"({SHOW}) > {tmp_path}/{name} 2>&1; cat .git/MERGE_HEAD > {tmp_path}/{name}-heads; true")
    tree = hooked.tree({"b": "2\n"})
    verdict = hooked.hooks.for_commit(tree, parents=[ours, theirs], branch="main", message="Merge\n")
    assert [ran.hook for ran in verdict.ran] == list(names) and verdict.failed is None
    seen = {name: surroundings((tmp_path / name).read_text(), hooked.scratch) for name in names}
    heads = {name: (tmp_path / f"{name}-heads").read_text() for name in names}
    repo.git("merge", "-q", "theirs", "-m", "Merge")
    for name in names:
        variables, rest = surroundings((tmp_path / name).read_text(), repo.root)
        told = {key: value for key, value in variables.items() if not key.startswith(("GITHEAD_", "GIT_REFLOG_"))}
        assert seen[name] == (told, rest)
    assert heads == {name: (tmp_path / f"{name}-heads").read_text() for name in names}
    assert not (tmp_path / "pre-commit").exists()


def test_a_push_s_hook_is_called_as_git_calls_it(remote: Repo, repo: Repo, hooked: Hooked, tmp_path: Path) -> None:
    repo.git("remote", "add", "origin", str(remote.root))
    repo.git("fetch", "-q", "origin")
    repo.git("reset", "-q", "--hard", "origin/main")
    old = repo.head
    repo.write("b", "2\n")
    new = repo.commit("two")
    repo.hook("pre-push", f"({SHOW}; cat) > {tmp_path}/said 2>&1")
    assert hooked.push(new, str(remote.root), old).failed is None
    *ours, line = (tmp_path / "said").read_text().splitlines()
    repo.git("push", "-q", "origin", "main")
    *theirs, expected = (tmp_path / "said").read_text().splitlines()
    assert line == expected == f"refs/heads/main {new} refs/heads/main {old}"
    assert surroundings("\n".join(ours), hooked.scratch) == surroundings("\n".join(theirs), repo.root)


def test_a_push_s_hook_gets_no_password_and_zeros_for_a_new_branch(repo: Repo, hooked: Hooked) -> None:
    repo.git("config", "remote.origin.url", "../up")
    repo.hook("pre-push", 'echo "$@"; cat; git status --short; git rev-parse main')
    head = repo.head
    for url, shown in {
        "https://me:secret@host.example/r": "https://me@host.example/r",
        "https://ghp_0123456789abcdefghijABCDEFGHIJ012345@host.example/r": "https://host.example/r",
        "ssh://git@host.example:22/r": "ssh://git@host.example:22/r",
        "git@host.example:r": "git@host.example:r",
        "../up": str(repo.root.parent / "up"),
    }.items():
        ran = hooked.push(url=url).ran[0]
        line = f"refs/heads/main {head} refs/heads/main {'0' * 40}"
        assert ran.output.splitlines() == [f"origin {shown}", line, head]


def test_a_push_s_hook_that_reads_nothing_and_one_that_says_no(repo: Repo, hooked: Hooked) -> None:
    repo.hook("pre-push", "exec <&-; sleep 0.1; exit 0")
    assert hooked.push().failed is None
    repo.hook("pre-push", "echo tests failed; echo 2 > a; exit 1")
    failed = hooked.push().failed
    assert failed is not None and failed.output == "tests failed"
    assert failed.proposal is not None and failed.proposal.files == ("a",)


def test_a_hook_has_the_user_s_environment_and_nothing_of_the_service_s(
    repo: Repo, hooked: Hooked, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.hook("pre-commit", "env")
    tree, head = hooked.tree({}), repo.head
    misleading = {"GIT_DIR": "/elsewhere", "GIT_WORK_TREE": str(repo.root), "GIT_CONFIG_PARAMETERS": "'a.b=c'"}
    service = {"NOTIFY_SOCKET": "/x", "CREDENTIALS_DIRECTORY": "/c", "GITFERRY_CONFIG": "/g"}
    for name, value in {**misleading, **service, "MINE": "yes", "GIT_SSH_COMMAND": "ssh -v"}.items():
        monkeypatch.setenv(name, value)
    said = hooked.hooks.for_commit(tree, parents=[head], branch="main", message="m\n").ran[0].output.splitlines()
    assert not {line.partition("=")[0] for line in said} & {*misleading, *service}
    assert {"MINE=yes", "GIT_SSH_COMMAND=ssh -v"} <= set(said)


# -- messages ---------------------------------------------------------------------------------------------------------


def test_a_changed_message_is_the_message(repo: Repo, hooked: Hooked) -> None:
    repo.hook("prepare-commit-msg", '[ "$2" = message ] && sed -i "1s/^/PROJ-1 /" "$1"')
    repo.hook(
        "commit-msg", 'git interpret-trailers --in-place --trailer "Change-Id: I1" "$1"; printf "\\n\\n\\n" >> "$1"'
    )
    verdict = hooked.commit({"b": "2\n"}, "Add b\n\n- add b\n")
    assert verdict.message == "PROJ-1 Add b\n\n- add b\n\nChange-Id: I1\n"


def test_a_message_that_is_refused_or_emptied(repo: Repo, hooked: Hooked) -> None:
    repo.hook("commit-msg", 'grep -q "^[A-Z]*-[0-9]" "$1" || { echo "no ticket in: $(cat "$1")"; exit 1; }')
    failed = hooked.commit({"b": "2\n"}, "Add b\n").failed
    assert failed is not None and failed.output == "no ticket in: Add b"
    assert hooked.commit({"b": "2\n"}, "PROJ-1 Add b\n").failed is None
    for body in (': > "$1"', 'printf "\\n \\n" > "$1"'):
        repo.hook("commit-msg", body)
        failed = hooked.commit({"b": "2\n"}).failed
        assert failed is not None and failed.reason == "it left an empty message"
    repo.hook("commit-msg", 'rm "$1"')
    failed = hooked.commit({"b": "2\n"}).failed
    assert failed is not None and failed.reason.startswith("it left no message")


@pytest.mark.parametrize("cleanup", [None, "default", "whitespace", "strip", "scissors", "verbatim"])
def test_a_message_is_cleaned_up_as_git_does(repo: Repo, hooked: Hooked, cleanup: str | None) -> None:
    if cleanup is not None:
        repo.git("config", "commit.cleanup", cleanup)
    scissors = "# ------------------------ >8 ------------------------"
    repo.hook("commit-msg", f"printf '\\n\\n\\nMore  \\n\\n\\n# note\\n{scissors}\\nend\\n\\n' >> \"$1\"")
    message = hooked.commit({"b": "2\n"}, "Add b\n").message
    repo.write("b", "2\n")
    repo.git("add", "b")
    repo.git("commit", "-q", "-m", "Add b")
    assert message == repo.git_bytes("cat-file", "commit", "HEAD").decode().split("\n\n", 1)[1]


def test_a_message_that_no_hook_changed_stays_as_it_is(repo: Repo, hooked: Hooked) -> None:
    repo.git("config", "commit.cleanup", "strip")
    repo.hook("commit-msg", "exit 0")
    message = "Ümläut\n\n# stays\n"
    assert hooked.commit({"b": "2\n"}, message).message == message
    repo.hook("commit-msg", "printf 'caf\\351\\n' > \"$1\"")
    assert hooked.commit({"b": "2\n"}, message).message == "caf�\n"


# -- proposals --------------------------------------------------------------------------------------------------------


def test_a_formatter_that_fails_leaves_a_proposal(repo: Repo, hooked: Hooked) -> None:
    repo.hook("pre-commit", "sed -i 's/ *$//' b; echo new > made; echo reformatted b; exit 1")
    tree, parents = hooked.tree({"b": "2   \n"}), [repo.head]
    before = everything(repo)
    failed = hooked.hooks.for_commit(tree, parents=parents, branch="main", message="m\n").failed
    assert failed is not None and failed.proposal is not None
    assert failed.output == "reformatted b"
    assert failed.proposal.files == ("b", "made")
    assert failed.proposal.patch.splitlines()[2:] == ["--- a/b", "+++ b/b", "@@ -1 +1 @@", "-2   ", "+2"]
    assert everything(repo) == before


def test_a_hook_that_stages_what_it_changed_fails_although_it_says_yes(repo: Repo, hooked: Hooked) -> None:
    repo.git("config", "diff.noprefix", "true")
    repo.hook("pre-commit", "sed -i 's/ *$//' b; git add b; echo unstaged >> a")
    failed = hooked.commit({"b": "2   \n"}).failed
    assert failed is not None and failed.reason == "it staged changes of its own"
    assert failed.proposal is not None and failed.proposal.files == ("b",)
    assert "+++ b/b" in failed.proposal.patch


def test_what_a_hook_changed_and_did_not_stage_is_told(repo: Repo, hooked: Hooked) -> None:
    repo.hook("pre-commit", "echo more >> a; rm b; echo x > untracked")
    verdict = hooked.commit({"b": "2\n"})
    assert verdict.failed is None
    assert verdict.notes == ("the hook pre-commit changed files and did not stage them: a, b",)


def test_a_long_proposal_is_cut_and_holds_no_secret(repo: Repo, hooked: Hooked) -> None:
    token = "ghp_" + "a1B2" * 9
    repo.hook("pre-commit", f"echo {token}; echo {token} > a; seq 1000 > b; exit 1")
    failed = hooked.commit({"b": "2\n"}).failed
    assert failed is not None and failed.proposal is not None
    assert token not in failed.proposal.patch + failed.output
    lines = failed.proposal.patch.splitlines()
    assert len(lines) == 200 and failed.proposal.left_out > 800


def test_a_long_output_is_cut_at_its_start(repo: Repo, hooked: Hooked) -> None:
    repo.hook("pre-commit", "seq 200000; echo the end >&2; exit 1")
    failed = hooked.commit({"b": "2\n"}).failed
    assert failed is not None and failed.output.endswith("\n200000\nthe end")
    assert failed.output.startswith("(what came before is left out)\n")
    assert 19_000 < len(failed.output) <= 20 * 1024 + 40


# -- ends -------------------------------------------------------------------------------------------------------------


def test_a_hook_that_hangs_is_ended_at_the_deadline(repo: Repo, hooked: Hooked, tmp_path: Path) -> None:
    beat = tmp_path / "beat"
    repo.hook(
        "pre-commit",
        f"echo starting\n(while :; do date +%N > {beat}; sleep 0.02; done) &\n"
        f"setsid sh -c 'trap \"\" TERM; while :; do date +%N > {beat}-away; sleep 0.02; done' &\nwait",
    )
    hooked.deadline = 0.7
    failed = hooked.commit({"b": "2\n"}).failed
    assert failed is not None
    assert (failed.output, failed.reason) == ("starting", "it had not ended after 0.7 s and was stopped")
    for file in (beat, beat.with_name("beat-away")):
        last = file.read_text()
        threading.Event().wait(0.2)
        assert file.read_text() == last


def test_a_hook_ends_when_gitferry_does(repo: Repo, hooked: Hooked, tmp_path: Path) -> None:
    repo.hook("pre-commit", f"echo $$ > {tmp_path}/pid; exec sleep 100")
    git, cancel = hooked.git, threading.Event()
    git.cancel = cancel
    place = state.locate(repo.root, os.environ)
    hooks = Hooks(git, place, gitconfig.read(git), dict(os.environ), hooked.scratches, deadline=60)
    threading.Timer(0.5, cancel.set).start()
    with pytest.raises(GitCancelled):
        hooks.for_commit(hooked.tree({}), parents=[repo.head], branch="main", message="m\n")
    assert not Path("/proc", (tmp_path / "pid").read_text().strip()).exists()
