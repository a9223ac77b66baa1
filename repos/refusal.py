"""Why git would not convert a file, in words for the person whose file it is."""

from __future__ import annotations

_GITS_OWN = ("fatal: ", "error: ", "warning: ", "hint: ")
_LFS_NOISE = ("Errors logged to ", "Use `git lfs logs ", "Downloading ")


def words(stderr: str, path: str) -> str:
    """Return what git said last when it gave up on `path`, with the filter's own last words where there are any.

    git names the path itself, and what is returned stands beside it.
    """
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    fatal = [line.removeprefix("fatal: ") for line in lines if line.startswith("fatal: ")]
    others = [line for line in lines if not line.startswith((*_GITS_OWN, *_LFS_NOISE))]
    said = fatal[-1] if fatal else lines[-1] if lines else "it said nothing"
    for quoted in (f"{path}: ", f"'{path}': "):
        said = said.removeprefix(quoted)
    more = f" ({others[-1]})" if others and others[-1] != said else ""
    return f"git does not convert it: {said}{more}"


def slow(driver: str, deadline: float) -> str:
    """Return that a filter, or git itself where there is none, did not end in `deadline` seconds."""
    who = f"the filter {driver!r}" if driver else "git"
    return f"{who} had not converted it after {deadline:g} s and was stopped"
