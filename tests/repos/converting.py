"""A repository with a file for every conversion, and what the git program makes of it."""

from __future__ import annotations

import os

from gitferry.tests.repo import Repo

LATIN1 = os.fsdecode(b"caf\xe9")
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


def rot(repo: Repo, name: str = "rot") -> None:
    """Set up a filter that replaces each letter by the next."""
    repo.git("config", f"filter.{name}.clean", "tr a-y b-z")
    repo.git("config", f"filter.{name}.smudge", "tr b-z a-y")


def converting(repo: Repo) -> Repo:
    """Return the repository with the samples in it, none of them added."""
    rot(repo)
    lines = ["*.txt text=auto", "*.crlf eol=crlf", "*.id ident", "*.r filter=rot", "*.bin -text"]
    repo.write(".gitattributes", "\n".join([*lines, "*.u16 working-tree-encoding=UTF-16"]) + "\n")
    repo.write_all(SAMPLES)
    return repo


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
    """What git checkout makes of the path."""
    repo.path(path).unlink(missing_ok=True)
    repo.git("--literal-pathspecs", "checkout", "--", path)
    return repo.read_bytes(path)
