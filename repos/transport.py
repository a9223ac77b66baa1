"""Talking to a remote: list, fetch one branch, push one ref with the value it must replace, clone.

git does the talking, so that the user's ssh config, proxies and credential helpers hold. What it says on failure is
sorted here into a few kinds that a person, and a retry, can act on. Sources: git-fetch(1), git-push(1),
git-ls-remote(1), git-clone(1), and the servers' own words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from gitferry.config.errors import GitferryError
from gitferry.repos.clone import clone
from gitferry.repos.git import Completed, Git
from gitferry.repos.remote_error import RemoteError, branch_ref, classify
from gitferry.repos.talk import Seconds, Timeouts, talk

__all__ = [
    "Accepted",
    "NotADescendant",
    "Refused",
    "RemoteError",
    "Seconds",
    "Timeouts",
    "branch_ref",
    "clone",
    "delete",
    "fetch",
    "push",
    "read_push",
    "remote_refs",
    "said_by_server",
]

_OID: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


_USUAL: Final = Seconds()

# What receive-pack of git, and JGit's (Gerrit, Bitbucket), say when another push came between.
_MOVED: Final = frozenset({
    "LOCK_FAILURE",
    "failed to lock",
    "incorrect old value provided",
    "lock error",
    "non-fast-forward",
    "reference already exists",
    "reference does not exist",
})  # fmt: skip
_LOST_RACE: Final = re.compile(
    r"is at [0-9a-f]{40,64} but expected"
    r"|cannot lock ref .*(?:reference already exists|unable to resolve reference|File exists)"
)


class NotADescendant(GitferryError):
    """We were about to push a commit that lacks what the remote has; nothing was sent. This is a fault of ours."""

    exit_code = 3

    def __init__(self, new: str, expected: str, reason: str) -> None:
        super().__init__(
            f"refused to push {new[:12]}: it does not descend from {expected[:12]}, which the remote has ({reason})",
            "nothing was sent; please report this with `gitferry log`",
        )


@dataclass(frozen=True, slots=True)
class Accepted:
    """The remote's branch is at `new`; `already` when it had been there before this push."""

    new: str
    already: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """The remote's branch is what it was.

    `stale`: it is not at the value we expected, so fetch, plan and push again. `rejected`: the server's rules or
    hooks said no. `message` holds the reason and every line the server said.
    """

    kind: Literal["stale", "rejected"]
    message: str


def remote_refs(git: Git, remote: str, *patterns: str, timeouts: Timeouts = _USUAL) -> dict[str, str]:
    """Every ref the remote shows (those `patterns` match, if any) with its object id; empty: an empty remote.

    HEAD and peeled tags are left out. Raises RemoteError.
    """
    done = talk(git, remote, "ls-remote", "--refs", "--", remote, *patterns, timeouts=timeouts)
    rows = (line.split("\t", 1) for line in done.text.splitlines())
    return {name: oid for oid, name in rows}


def fetch(
    git: Git, remote: str, branch: str, *, timeouts: Timeouts = _USUAL, tracking_ref: str | None = None
) -> str | None:
    """Fetch exactly one branch of a configured remote; its tip there, or None where it has no such branch.

    `tracking_ref` (refs/remotes/<remote>/<branch> unless given) then holds the tip, also after the branch was
    rewritten there: the caller compares. No tag, submodule, FETCH_HEAD, other ref or pruning comes with it, and a
    missing branch leaves the tracking ref as it was. An empty remote has no branch either: see `remote_refs`.
    Raises RemoteError.
    """
    source, target = branch_ref(branch), tracking_ref or f"refs/remotes/{remote}/{branch}"
    done = talk(
        git,
        remote,
        "fetch",
        "--quiet",
        "--no-tags",
        "--no-prune",
        "--no-recurse-submodules",
        "--no-write-fetch-head",
        "--no-auto-maintenance",
        "--no-write-commit-graph",
        "--no-show-forced-updates",
        "--refmap=",
        # Only what the remote may know is offered: our own refs/gitferry would be sent as thousands of "have" lines.
        "--negotiation-tip=refs/heads/*",
        "--negotiation-tip=refs/remotes/*",
        "--",
        remote,
        f"+{source}:{target}",
        timeouts=timeouts,
        check=False,
        # Costs nothing measurable on a few new objects. Objects that are there already are not looked at again.
        config=("fetch.fsckObjects=true", *_remote_setting(remote, "followRemoteHEAD=never")),
    )
    if done.code == 0:
        return git.run("rev-parse", "--verify", "--end-of-options", target).text
    if f"couldn't find remote ref {source}" in done.stderr:
        return None
    raise classify(remote, done.stderr)


def push(
    git: Git,
    remote: str,
    branch: str,
    new: str,
    expected: str | None,
    *,
    timeouts: Timeouts = _USUAL,
    is_ancestor: Callable[[str, str], bool] | None = None,
) -> Accepted | Refused:
    """Move the remote's branch from `expected` to the commit `new`; `expected` None: create it, only if absent.

    `new` is checked to descend from `expected` before anything is sent, because the lease that guards the old value
    would also let a rewrite through; `is_ancestor` answers in-process, else it costs a git process. The remote-tracking
    ref follows. A remote that is at `new` already is Accepted: so ends a push whose acknowledgement was lost.
    Raises NotADescendant, and RemoteError where it is not known that the remote answered: the push may have arrived.
    """
    for oid in (new, *(() if expected is None else (expected,))):
        if not _OID.fullmatch(oid):
            raise ValueError(f"not a full object id: {oid!r}")
    if expected is not None and is_ancestor is None:
        _require_descent(git, new, expected)
    elif expected is not None and is_ancestor is not None and not is_ancestor(expected, new):
        raise NotADescendant(new, expected, "it would have rewritten the remote's history")
    ref = branch_ref(branch)
    done = talk(
        git,
        remote,
        "push",
        "--porcelain",
        "--no-follow-tags",
        "--recurse-submodules=no",
        f"--force-with-lease={ref}:{expected or ''}",
        "--",
        remote,
        f"{new}:{ref}",
        timeouts=timeouts,
        check=False,
        config=_remote_setting(remote, f"fetch=+{ref}:refs/remotes/{remote}/{branch}"),
    )
    return read_push(done, remote, ref, new)


def delete(git: Git, remote: str, branch: str, expected: str, *, timeouts: Timeouts = _USUAL) -> Accepted | Refused:
    """Delete a branch of the remote that stands at `expected`; one that moved since is Refused as stale.

    Raises RemoteError where it is not known that the remote answered.
    """
    if not _OID.fullmatch(expected):
        raise ValueError(f"not a full object id: {expected!r}")
    ref = branch_ref(branch)
    done = talk(
        git,
        remote,
        "push",
        "--porcelain",
        "--no-follow-tags",
        "--recurse-submodules=no",
        f"--force-with-lease={ref}:{expected}",
        "--",
        remote,
        f":{ref}",
        timeouts=timeouts,
        check=False,
    )
    return read_push(done, remote, ref, "")


def read_push(done: Completed, remote: str, ref: str, new: str) -> Accepted | Refused:
    """What ``git push --porcelain`` of one ref says (git-push(1), OUTPUT); raises RemoteError where it says nothing."""
    for line in done.text.splitlines():
        flag, _, rest = line.partition("\t")
        names, _, summary = rest.partition("\t")
        if len(flag) != 1 or names.rpartition(":")[2] != ref:
            continue
        if flag == "!":
            return _refusal(done, remote, summary)
        if done.code == 0:
            return Accepted(new, already=flag == "=")
    raise classify(remote, done.stderr)


def said_by_server(stderr: str) -> str:
    """The lines a server's hooks and rules sent (git shows them with ``remote:``), without trailing blanks."""
    lines = [line.removeprefix("remote:").strip() for line in stderr.splitlines() if line.startswith("remote:")]
    return "\n".join(lines).strip()


def _refusal(done: Completed, remote: str, summary: str) -> Refused:
    where, _, rest = summary.partition("] (")
    reason = rest.removesuffix(")") or summary
    server = said_by_server(done.stderr)
    if where.startswith("[remote failure"):
        # The server took the pack and did not say what became of it.
        raise classify(remote, f"{done.stderr}\n{reason}")
    message = f"{reason}\n{server}" if server else reason
    return Refused("stale" if _is_stale(where, reason, server) else "rejected", message)


def _is_stale(where: str, reason: str, server: str) -> bool:
    """Whether the remote's ref moved: git saw it before sending, or the server when it took its own lock."""
    if where == "[rejected":
        return reason in {"stale info", "fetch first", "non-fast-forward", "already exists", "needs force"}
    if reason in _MOVED or (reason == "failed to update ref" and not server):
        return True
    return "hook declined" not in reason and _LOST_RACE.search(f"{reason}\n{server}") is not None


def _require_descent(git: Git, new: str, expected: str) -> None:
    done = git.run("merge-base", "--is-ancestor", expected, new, check=False)
    if done.code == 1:
        raise NotADescendant(new, expected, "it would have rewritten the remote's history")
    if done.code != 0:
        raise NotADescendant(new, expected, done.stderr.strip() or "one of them is not here")


def _remote_setting(remote: str, setting: str) -> tuple[str, ...]:
    """A setting of one remote for one command; paths, URLs and names that ``-c`` cannot spell get none."""
    return () if re.search(r"[=:/\\\n]", remote) else (f"remote.{remote}.{setting}",)
