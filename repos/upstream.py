"""Which branch of which remote a local branch follows.

Pure: read from the settings alone, so the answer is there before the tracking ref is. Sources: git-config(1)
`branch.<name>.remote`, `branch.<name>.merge`, `url.<base>.insteadOf`; git-fetch(1), "CONFIGURED REMOTE-TRACKING
BRANCHES".
"""

from __future__ import annotations

from dataclasses import dataclass

from gitferry.repos.gitconfig import Config

_HEADS = "refs/heads/"


@dataclass(frozen=True, slots=True)
class Upstream:
    """The branch that a local branch follows. The tracking ref may not exist yet.

    `url` is where fetches go, after `insteadOf`; None where the remote has none, as happens when a remote was removed
    and the branch's settings stayed. `push_remote` differs from `remote` where the user pushes elsewhere
    (`branch.<name>.pushRemote`, `remote.pushDefault`).
    """

    remote: str
    branch: str
    tracking_ref: str
    url: str | None
    push_remote: str = ""

    @property
    def local(self) -> bool:
        """Whether it is another branch of the same repository, so that there is no remote to sync with."""
        return self.remote == "."


def remotes(config: Config) -> tuple[str, ...]:
    """Return the names of the configured remotes that have a URL, sorted."""
    return tuple(sorted({name for name, key in config.subsections("remote") if key == "url"}))


def upstream(config: Config, branch: str) -> Upstream | None:
    """Return what `branch` follows, or None where nothing is configured.

    None too where `branch.<name>.remote` is a bare URL: nothing then remembers what the remote had.
    """
    remote = config.get(f"branch.{branch}.remote")
    merge = next(iter(config.all(f"branch.{branch}.merge")), "")
    if not remote or not merge.startswith(_HEADS):
        return None
    followed = merge.removeprefix(_HEADS)
    push_remote = config.get(f"branch.{branch}.pushremote") or config.get("remote.pushdefault") or remote
    if remote == ".":
        return Upstream(remote, followed, merge, ".", push_remote)
    configured = {name for name, _ in config.subsections("remote")}
    if remote not in configured and (":" in remote or "/" in remote):
        return None
    return Upstream(remote, followed, tracking_ref(config, remote, merge), url(config, remote), push_remote)


def tracking_ref(config: Config, remote: str, ref: str) -> str:
    """Return the local ref that keeps what `remote` had at `ref`: by its refspecs, else by git's usual layout."""
    for spec in config.all(f"remote.{remote}.fetch"):
        source, _, target = spec.removeprefix("+").partition(":")
        if spec.startswith("^") or not target:
            continue
        if source == ref:
            return target
        before, star, after = source.partition("*")
        if star and len(ref) >= len(before) + len(after) and ref.startswith(before) and ref.endswith(after):
            return target.replace("*", ref[len(before) : len(ref) - len(after)], 1)
    return f"refs/remotes/{remote}/{ref.removeprefix(_HEADS)}"


def url(config: Config, remote: str) -> str | None:
    """Return the remote's first URL with the longest matching `insteadOf` applied."""
    urls = config.all(f"remote.{remote}.url")
    if not urls:
        return None
    found = urls[0]
    best = ("", "")
    for base, key in config.subsections("url"):
        if key == "insteadof":
            for prefix in config.all(f"url.{base}.insteadof"):
                if found.startswith(prefix) and len(prefix) > len(best[0]):
                    best = (prefix, base)
    return best[1] + found[len(best[0]) :]
