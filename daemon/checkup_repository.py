"""What doctor looks at in one repository: tree, identity, signing, upstream, remote, what would leak or be skipped."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gitferry.config.errors import GitferryError
from gitferry.daemon.arrival import require_there
from gitferry.daemon.finding import Check, fail, failed, ok, warn

if TYPE_CHECKING:
    from gitferry.config.model import Repository
    from gitferry.pushback.ground import Ground
    from gitferry.pushback.host import Host
    from gitferry.repos.upstream import Upstream

_CONNECT, _LIST = 5.0, 8.0  # seconds for `git ls-remote`
_FUTURE = 300.0  # seconds that two machines' clocks may differ
_OURS = "refs/gitferry/"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def examine(repository: Repository, host: Host, row: Mapping[str, Any] | None) -> tuple[Check, ...]:
    """Return every finding on the repository; `row` is what a running daemon last knew of it."""
    from gitferry.pushback.ground import opened

    try:
        require_there(repository)
        with opened(repository, host) as ground:
            found = [*_local(ground), *_remote(ground), _crossing(repository, host, row)]
    except GitferryError as error:
        found = [failed("tree", error)]
    return tuple(replace(check, repository=repository.name) for check in found)


def directories(repository: Repository, environ: Mapping[str, str]) -> int:
    """Return how many directories of the tree would be watched; 0 where it cannot be read."""
    from gitferry.repos import watched
    from gitferry.repos.directories import listing
    from gitferry.repos.git import Git

    if not repository.watch.enabled or not (repository.path / ".git").exists():
        return 0
    root = os.path.realpath(repository.path)
    rules = watched.rules(Git(repository.path, environ=environ))
    return len(
        watched.survey(root, [""], rules.left_out, lambda name: listing(f"{root}/{name}" if name else root)).kept
    )


def uses_ssh(repository: Repository, host: Host) -> bool:
    """Return whether the repository's remote is reached over ssh, or its commits are signed with an ssh key."""
    from gitferry.daemon.remote_host import remote_url
    from gitferry.repos import gitconfig
    from gitferry.repos.git import Git
    from gitferry.security.urls import check_remote_url

    try:
        url = remote_url(repository, host.environ)
        if url is not None and check_remote_url(url).scheme == "ssh":
            return True
        config = gitconfig.read(Git(repository.path, environ=host.environ))
        signed = repository.pushback.sign == "inherit" and config.flag("commit.gpgsign")
        return signed and config.get("gpg.format") == "ssh"
    except GitferryError:
        return False  # it is told with the tree and the remote


def programs(repository: Repository, host: Host) -> frozenset[str]:
    """Return the programs beside git that the repository needs: for its remote, and for files in git-lfs."""
    from gitferry.daemon.remote_host import remote_url
    from gitferry.security.urls import check_remote_url

    found = set()
    with suppress(GitferryError):  # it is told with the tree and the remote
        url = remote_url(repository, host.environ)
        scheme = check_remote_url(url).scheme if url is not None else ""
        if scheme == "ssh" and _runs_ssh(repository, host):
            found.add("ssh")
        if scheme in ("http", "https"):
            found.add("git-remote-https")
    with suppress(OSError):
        if b"filter=lfs" in (repository.path / ".gitattributes").read_bytes():
            found.add("git-lfs")
    return frozenset(found)


def _runs_ssh(repository: Repository, host: Host) -> bool:
    # git(1), GIT_SSH, and git-config(1), core.sshCommand: what the user names goes before the ssh on PATH, and a
    # credential of gitferry's before that.
    from gitferry.repos import gitconfig
    from gitferry.repos.git import Git

    if repository.auth is not None:
        return True
    if {"GIT_SSH", "GIT_SSH_COMMAND"} & host.environ.keys():
        return False
    return gitconfig.read(Git(repository.path, environ=host.environ)).get("core.sshcommand") is None


def _local(ground: Ground) -> Iterator[Check]:
    place, state = ground.place, ground.state
    if not os.access(place.root, os.W_OK | os.X_OK) or os.statvfs(place.root).f_flag & os.ST_RDONLY:
        yield fail("tree", f"{place.root} cannot be written", "give this user write access, or mount it for writing")
    elif not os.access(place.common_dir, os.W_OK | os.X_OK):
        yield fail("tree", f"{place.common_dir} cannot be written", "give this user write access to it")
    elif state.branch is None:
        yield warn("tree", f"{place.root} has no branch checked out", "git switch BRANCH: until then it waits")
    else:
        yield ok("tree", f"{place.root}, branch {state.branch}")
    from gitferry.pushback.hooked import skipped

    try:
        person = ground.author()
        ground.committer()
    except GitferryError as error:
        yield failed("identity", error)
    else:
        yield ok("identity", f"{person.name} <{person.email}>")
    left = skipped(ground)
    if left and ground.settings.pushback.hooks == "skip":
        yield warn(
            "hooks",
            f"{', '.join(left)}: gitferry's commits and pushes skip them",
            "nothing, if those commits need no such look; else `trusted: true` and `pushback: {hooks: run}` for this"
            " repository",
        )
    yield from _signed(ground)
    yield from _published(ground)


def _signed(ground: Ground) -> Iterator[Check]:
    """Yield how commits are signed where git's settings ask for it, and whether the key could be used now."""
    from gitferry.repos.identity import NoIdentity
    from gitferry.repos.objects import EMPTY_TREE
    from gitferry.repos.signing import Draft
    from gitferry.repos.signing_error import SigningWaits
    from gitferry.repos.signing_key import signing
    from gitferry.repos.signing_trial import trial

    try:
        found = signing(ground.git, ground.state.config, ground.settings, ground.host.environ)
        wanted = ground.state.config.flag("commit.gpgsign")
        draft = Draft(EMPTY_TREE, (), "", ground.author(), ground.committer(), ground.host.clock())
    except NoIdentity:
        return  # it is told with the identity
    except GitferryError as failure:
        yield failed("sign", failure)
        return
    if found is None:
        if wanted:
            yield ok("sign", "commits are not signed: `sign: never` goes before git's commit.gpgSign")
        return
    told = f"commits are signed ({found.format}) with {found.words}"
    error = None if found.asks else trial(ground.git, draft, found, ground.host.environ)
    if isinstance(error, SigningWaits):
        yield warn("sign", f"{error.title}: what is to be committed waits", error.hint)
    elif error is not None:
        yield failed("sign", error)
    else:
        yield ok("sign", f"{told}, by {found.program}, which was not tried: it may ask you" if found.asks else told)


def _published(ground: Ground) -> Iterator[Check]:
    """Yield remotes that would take what stands below refs/gitferry, or overwrite it (git-config(1), remote.*)."""
    config = ground.state.config
    for remote in ground.state.remotes:
        pushed = [spec for spec in config.all(f"remote.{remote}.push") if _covers(spec)]
        fetched = [spec for spec in config.all(f"remote.{remote}.fetch") if _covers(spec)]
        if config.flag(f"remote.{remote}.mirror"):
            remedy = f"git config --unset remote.{remote}.mirror"
            yield warn("refs", f"`git push {remote}` mirrors every ref, {_OURS} included", remedy)
        elif pushed:
            remedy = f"make it narrower: git config --edit, [remote {remote}] push"
            yield warn("refs", f"`git push {remote}` publishes {_OURS} ({pushed[0]})", remedy)
        if fetched:
            remedy = f"git config remote.{remote}.fetch '+refs/heads/*:refs/remotes/{remote}/*'"
            yield warn("refs", f"`git fetch --prune {remote}` would delete {_OURS} ({fetched[0]})", remedy)


def _covers(spec: str) -> bool:
    """Whether a refspec reaches into our refs."""
    source = spec.removeprefix("+").partition(":")[0]
    before, star, _ = source.partition("*")
    return not spec.startswith("^") and (source.startswith(_OURS) or bool(star and _OURS.startswith(before)))


def _remote(ground: Ground) -> Iterator[Check]:
    state = ground.state
    for remote in state.remotes:
        for key in ("url", "pushurl"):
            for url in state.config.all(f"remote.{remote}.{key}"):
                yield from _url(remote, url)
    if ground.settings.url is not None and "://" in ground.settings.url:
        yield from _url("settings", ground.settings.url)
    upstream = state.upstream
    if state.branch is None:
        return
    if upstream is None or upstream.local or upstream.url is None:
        remedy = f"git push -u {state.remotes[0]} {state.branch}" if state.remotes else "git remote add origin URL"
        what = f"{state.branch} has no upstream" if state.remotes else "there is no remote to sync with"
        yield fail("upstream", what, remedy)
        return
    yield ok("upstream", f"{state.branch} follows {upstream.remote}/{upstream.branch}")
    yield from _reached(ground, upstream)
    yield from _clock(ground, upstream)


def _url(remote: str, url: str) -> Iterator[Check]:
    from gitferry.security.redact import redact
    from gitferry.security.urls import check_remote_url

    try:
        parts = check_remote_url(url)
    except GitferryError as error:
        yield failed("url", error)
        return
    if not parts.password_present and redact(url) == url:
        return
    shown = f"{remote}: {redact(url)}"
    bare = f"{parts.scheme}://{parts.host}{f':{parts.port}' if parts.port else ''}{parts.path}"
    remedy = (
        f"git remote set-url {remote} {bare}, and let a credential helper keep the secret (gitcredentials(7)); then"
        " renew it, for it may have been read"
    )
    if parts.scheme == "http" and parts.host.lower() not in _LOOPBACK:
        yield fail("url", f"{shown} sends a secret in the clear", f"use https; {remedy}")
    else:
        yield warn("url", f"{shown} holds a secret in plain text in .git/config", remedy)


def _reached(ground: Ground, upstream: Upstream) -> Iterator[Check]:
    from gitferry.repos.talk import Seconds
    from gitferry.repos.transport import RemoteError, remote_refs
    from gitferry.security.redact import redact
    from gitferry.security.vault_faults import VaultLocked

    branch = f"refs/heads/{upstream.branch}"
    where = redact(upstream.url or upstream.remote)
    started = time.monotonic()
    try:
        refs = remote_refs(
            ground.git, upstream.remote, branch, f"{_OURS}*", timeouts=Seconds(connect=_CONNECT, transfer=_LIST)
        )
    except RemoteError as error:
        if error.kind == "timeout":
            yield warn(
                "remote", f"{where} did not answer in time", f"see whether it does: git ls-remote {upstream.remote}"
            )
            return
        level: Callable[[str, str, str], Check] = warn if error.kind == "offline" else fail
        yield level("remote", error.title, error.hint or f"git ls-remote {upstream.remote}")
        return
    except VaultLocked as locked:  # for this process; a daemon may have been given the passphrase
        yield warn("remote", f"{where} was not asked: {locked.title}", "`gitferry credentials test` asks for it")
        return
    except GitferryError as error:
        yield failed("remote", error)
        return
    taken = time.monotonic() - started
    if branch in refs:
        yield ok("remote", f"{where} answered in {taken:.1f} s")
    else:
        remedy = f"git push -u {upstream.remote} {ground.state.branch}"
        yield warn("remote", f"{where} answers, and has no branch {upstream.branch}", remedy)
    ours = sorted(name for name in refs if name.startswith(_OURS))
    if ours:
        remedy = f"git push {upstream.remote} {' '.join(f':{name}' for name in ours[:3])}"
        yield warn("refs", f"{where} has {len(ours)} of our private refs, such as {ours[0]}", remedy)


def _clock(ground: Ground, upstream: Upstream) -> Iterator[Check]:
    """Yield a warning where the upstream tip was committed in what is the future here. The clock decides nothing."""
    done = ground.git.run("log", "-1", "--format=%ct", upstream.tracking_ref, "--", check=False)
    if done.code != 0 or not done.text.isdigit():
        return
    ahead = int(done.text) - ground.host.clock().timestamp()
    if ahead > _FUTURE:
        yield warn(
            "clock",
            f"the newest commit of {upstream.remote}/{upstream.branch} is from {ahead / 60:,.0f} min in the future",
            "set this machine's clock, or that of the machine it comes from (timedatectl status)",
        )


def _crossing(repository: Repository, host: Host, row: Mapping[str, Any] | None) -> Check:
    """Return how the last crossing went, as the daemon knows it, else what the next one would find."""
    from gitferry.pushback.survey import glance

    if row is None:
        outcome = glance(repository, host=host)
        waits, error, hint, conflicts = outcome.waiting_for, outcome.error, outcome.hint, outcome.conflicts
    else:
        waits, error, hint, conflicts = row["waiting_for"], row["last_error"], row["hint"], row["conflicts"]
    if error:
        return fail("crossing", error, hint or f"`gitferry status {repository.name}` tells more")
    if conflicts and waits:
        return warn(
            "crossing",
            f"{conflicts} task{'' if conflicts == 1 else 's'} in conflict, it waits for {waits}",
            hint or "`gitferry push status` names them, and `gitferry diff TASK` shows both sides",
        )
    if row is not None and row["state"] == "paused":
        until = row.get("paused_until")
        end = f"until {datetime.fromisoformat(until).astimezone():%Y-%m-%d %H:%M}" if until else "until it is resumed"
        return warn("crossing", f"it is paused {end}", f"gitferry resume {repository.name}")
    if waits:
        return warn("crossing", f"it waits: {waits}", hint or f"`gitferry status {repository.name}` tells more")
    watching = row.get("watching") if row is not None else None
    if watching not in (None, "all", "being set up") and repository.watch.enabled:
        return warn("crossing", f"not all is watched: {watching}", "see inotify above; edits arrive later until then")
    return ok("crossing", "nothing stands in its way")
