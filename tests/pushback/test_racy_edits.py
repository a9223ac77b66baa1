"""An edit in the instant in which git's index came to know the file, with as many bytes: it is an edit all the same."""

from __future__ import annotations

import hashlib
import os
import struct

import pytest

from gitferry.tests.pushback.ciphers import SECRET, Cipher
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.repo import Repo


def racy(repo: Repo, name: str, new: str) -> None:
    """Save `new` in the tick of the clock in which the index came to know the file, with as many bytes as before.

    Kernels before 6.13 have ticks of 1 to 10 ms, many file systems those of a second or two. Where time stamps are
    finer, the index is given what it would hold there.
    """
    with repo.path(name).open("r+", newline="") as stream:
        stream.write(new)
    found = repo.path(name).stat()
    index = repo.path(".git/index")
    data = bytearray(index.read_bytes()[:-20])
    at = data.index(b"\0" + bytes([len(name)]) + name.encode() + b"\0") - 60
    assert struct.unpack_from(">I", data, at + 36)[0] == found.st_size
    times = (found.st_ctime_ns, found.st_mtime_ns)
    struct.pack_into(">4I", data, at, *(part for time in times for part in divmod(time, 10**9)))
    index.write_bytes(data + hashlib.sha1(data).digest())
    os.utime(index, ns=(found.st_mtime_ns, found.st_mtime_ns))
    assert repo.git("ls-files", "-s", name).split()[1] == repo.entries()[name][1]
    assert repo.status() == f" M {name}", "git sees the edit: the index is as young as the file"


@pytest.mark.parametrize("rewritten", [False, True])
def test_an_edit_in_the_tick_in_which_the_index_knew_the_file(here: Side, remote: Repo, rewritten: bool) -> None:
    here.repo.write("notes.md", "one\n")
    healthy(here.sync())
    racy(here.repo, "notes.md", "two\n")
    if rewritten:
        here.repo.write("other.md", "1\n")
        here.repo.git("add", "-N", "other.md")
        here.repo.git("update-index", "--force-remove", "other.md")
        assert "size: 0" in here.repo.git("ls-files", "--debug", "notes.md"), "git says that it was edited"
    assert here.repo.status().splitlines()[0] == " M notes.md", "git knows"
    outcome = here.sync()
    assert "save it again" in (here.task(outcome, "notes.md").reason or "")
    here.repo.write("notes.md", "two\n")
    healthy(here.sync())
    assert remote.tree("main")["notes.md"] == b"two\n"


def test_an_edit_in_that_tick_is_not_overwritten(here: Side, there: Side, remote: Repo) -> None:
    here.repo.write("notes.md", "one\n")
    healthy(here.sync())
    healthy(there.sync())
    racy(here.repo, "notes.md", "two\n")
    there.repo.write("notes.md", "theirs\n")
    healthy(there.sync())
    here.sync()
    assert here.repo.read("notes.md") == "two\n"


def test_an_edit_of_an_enciphered_file_in_that_tick_is_not_lost(secret: Cipher, here: Side, there: Side) -> None:
    racy(here.repo, "a.secret", SECRET.decode().upper())
    here.sync()
    there.repo.write("a.secret", b"name: something else\n")
    healthy(there.sync())
    here.sync()
    assert here.repo.read_bytes("a.secret") == SECRET.upper(), "it is here until someone decides"


def test_a_file_that_a_filter_left_alone_governs_says_so_first(secret: Cipher, here: Side) -> None:
    here.trusted = False
    racy(here.repo, "a.secret", SECRET.decode().upper())
    outcome = here.sync()
    assert "trusted: true" in (here.task(outcome, "a.secret").reason or ""), "saving it again would change nothing"
