"""Random states of a working tree: attributes, settings, filters, names and contents that git treats specially.

Values and strategies only; `test_same_tree.py` makes repositories of them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

ATTRIBUTES = ".gitattributes"


@dataclass(frozen=True, slots=True)
class Node:
    """What stands at a path: a file, or a symbolic link whose target is `data`."""

    data: bytes
    executable: bool = False
    link: bool = False


Files: TypeAlias = Mapping[str, Node]


@dataclass(frozen=True, slots=True)
class Scene:
    """A history of two commits, and what a user made of its working tree since.

    `raw` is committed before there are attributes, so that it is as it stands; `base` on top of it, by `git add`.
    """

    config: tuple[tuple[str, str], ...]
    info: str  # .git/info/attributes
    raw: Files
    base: Files
    renormalized: bool  # the second commit normalised what the attributes govern
    after: Files
    written_again: frozenset[str]  # as they are in `base`, by a program that saves what it has read
    settled: bool  # all of it older than the index, so that git goes by times and sizes
    trusted: bool


# -- names ----------------------------------------------------------------------------------------------------------

_DIRECTORIES = ("", "", "", "d/", "d/", "d/e/", "sp ace/", "D/", "-d/", os.fsdecode(b"l\xe9/"))
_STEMS = (
    *("a", "b", "a", "b", "c", "A", "x"),
    *("-a", " a", "\ta", "a b", "a\nb", 'q"a', "a\\b", ":(glob)a", ":!a", "*a", "[ab]", "#a", "!a", "a ", "$Id$"),
    *("caf\u00e9", "cafe\u0301", os.fsdecode(b"a\xe9"), os.fsdecode(b"\xff"), "+a", "~a", "a'b", "%a", "a\rb"),
)
_ENDINGS = (".txt", ".txt", ".txt", ".c", ".u16", "")

names: SearchStrategy[str] = st.builds(
    lambda directory, stem, ending: directory + stem + ending,
    st.sampled_from(_DIRECTORIES),
    st.sampled_from(_STEMS),
    st.sampled_from(_ENDINGS),
)

# -- contents -------------------------------------------------------------------------------------------------------

_PIECES = (
    *(b"one\n", b"two\n", b"one\r\n", b"two\r\n", b"one\r\n", b"lone\rcr", b"no end", b"\n", b"\r\n"),
    *(b"$Id$\n", b"$Id: 0123 stale $\n", b"$Id: \r\n$", b"$Id: a b $ $Id$\r\n", b"\0", b"\xff\xfe", b"\xe9\n", b"\x1a"),
    *("gr\u00fcn\n".encode(), "\ufeff\u20ac\r\n".encode(), "\u20ac\n".encode("utf-16"), "x\r\n".encode("utf-16")),
    *("y\n".encode("utf-16-le"), "z\r\n".encode("utf-16-be")),
)
_plain: SearchStrategy[bytes] = st.lists(st.sampled_from(_PIECES), max_size=5).map(b"".join)
_text: SearchStrategy[str] = st.lists(
    st.sampled_from(("one\n", "two\r\n", "two\r\n", "gr\u00fcn\r\n", "$Id$\n", "$Id: x $\r\n", "end")),
    min_size=1,
    max_size=4,
).map("".join)
_encoded: SearchStrategy[bytes] = st.builds(
    lambda text, encoding: text.encode(encoding),
    _text,
    st.sampled_from(("utf-16", "utf-16", "utf-16-le", "latin-1", "utf-8", "utf-8-sig")),
)
contents: SearchStrategy[bytes] = st.one_of(_plain, _text.map(str.encode), _text.map(str.encode), _encoded)
_links: SearchStrategy[Node] = st.sampled_from((b"a.txt", b"..", b"d", b"no/where", b"\xff\r\n", b"a\r\n")).map(
    lambda target: Node(target, link=True)
)
nodes: SearchStrategy[Node] = st.one_of(
    *[st.builds(Node, contents, st.sampled_from((False, False, False, True)))] * 6, _links
)

# -- attributes -----------------------------------------------------------------------------------------------------

_PATTERNS = (
    *("[!.]*", "[!.]*", "[!.]*", "*.txt", "*.txt", "*.txt", "*.c", "*.u16", "a*", "/a.txt", "d/**/[!.]*", "d/[!.]*"),
    *("/d/e/*.c", "e/", '"a b*"', "[abc].*", "**/a.txt", "\\!a*", '"\\ta*"', os.fsdecode(b"caf\xc3\xa9*"), "A.txt"),
)
_WORDS = (
    *("text", "-text", "!text", "text=auto", "text=auto", "eol=lf", "eol=crlf", "!eol", "text=auto eol=crlf"),
    *(
        "text=auto eol=lf",
        "ident",
        "-ident",
        "!ident",
        "binary",
        "-binary",
        "crlf",
        "-crlf",
        "crlf=input",
        "mine",
        "-mine",
    ),
    *("text=unset", "text=set", "-text eol=crlf", "diff=x merge=y", "odd"),
)
_ENCODINGS = (
    *("working-tree-encoding=UTF-16", "working-tree-encoding=UTF-16", "working-tree-encoding=LATIN1"),
    *("working-tree-encoding=UTF-16LE-BOM", "working-tree-encoding=UTF-8", "working-tree-encoding=ISO-8859-1"),
    *("working-tree-encoding=no-such", "-working-tree-encoding", "working-tree-encoding=UTF-16BE"),
)
_FILTERS = (
    *("filter=rot", "filter=rot", "filter=must", "filter=talks", "filter=cleans", "filter=smudges", "filter=noisy"),
    *("filter=fails", "filter=fails-hard", "filter=nowhere", "filter=nowhere-hard", "-filter", "!filter", "filter"),
    *("filter=with space", "filter=unset"),
)
MACROS = (
    "[attr]mine text eol=crlf",
    "[attr]mine ident -text",
    "[attr]odd filter=rot",
    "[attr]odd working-tree-encoding=UTF-16",
)

_word: SearchStrategy[str] = st.integers(0, 9).flatmap(
    lambda number: st.sampled_from(_WORDS if number < 5 else _ENCODINGS if number < 7 else _FILTERS)
)
_line: SearchStrategy[str] = st.one_of(
    st.builds(
        lambda pattern, words: f"{pattern} {' '.join(words)}",
        st.sampled_from(_PATTERNS),
        st.lists(_word, min_size=1, max_size=3),
    ),
    # What encodings and filters do to a file of attributes itself is another matter.
    st.builds(lambda words: f"* {' '.join(words)}", st.lists(st.sampled_from(_WORDS[:-1]), min_size=1, max_size=2)),
)


@st.composite
def _attribute_files(draw: DrawFn) -> dict[str, Node]:
    files = {}
    for directory in draw(st.sampled_from((("",), ("",), ("", "d/"), ("d/", "d/e/"), ("", "d/e/")))):
        lines = draw(st.lists(_line, min_size=1, max_size=4))
        macros = draw(st.lists(st.sampled_from(MACROS), max_size=1)) if not directory else []
        text = "\n".join([*macros, *lines]) + "\n"
        files[directory + ATTRIBUTES] = Node(os.fsencode(text))
    return files


# -- settings -------------------------------------------------------------------------------------------------------

_SETTINGS = (
    *(("core.autocrlf", value) for value in ("true", "input", "false")),
    *(("core.eol", value) for value in ("lf", "crlf", "native")),
    *(("core.safecrlf", value) for value in ("true", "yes", "warn", "false")),
    ("core.filemode", "false"),
    ("core.symlinks", "false"),
    ("core.ignorecase", "true"),
)
_settings = st.lists(st.sampled_from(_SETTINGS), max_size=3, unique_by=lambda pair: pair[0])

# -- all of it ------------------------------------------------------------------------------------------------------


def _possible(files: Mapping[str, Node]) -> dict[str, Node]:
    """Return the files without those that would need another one to be a directory."""
    above = {path[:at] for path in files for at, letter in enumerate(path) if letter == "/"}
    return {path: node for path, node in files.items() if path not in above}


@st.composite
def scenes(draw: DrawFn) -> Scene:
    """Return a strategy of states; most of them hold something that is converted."""
    raw = draw(st.dictionaries(names, nodes, max_size=5))
    base = raw | draw(st.dictionaries(names, nodes, min_size=1, max_size=5))
    if draw(st.booleans()):
        base |= draw(_attribute_files())
    base = _possible({"keep": Node(b"k\n"), **base})
    raw = {path: node for path, node in raw.items() if path in base}
    after: dict[str, Node] = {}
    again = set()
    for path, node in base.items():
        match draw(st.sampled_from(("keep", "keep", "again", "edit", "edit", "delete", "move", "mode"))):
            case "keep":
                after[path] = node
            case "again":
                after[path] = node
                again.add(path)
            case "edit":
                after[path] = Node(draw(contents)) if not path.endswith(ATTRIBUTES) else node
            case "move" if not path.endswith(ATTRIBUTES):
                after[draw(names)] = node
            case "mode":
                after[path] = Node(node.data, not node.executable, node.link)
            case _:
                pass
    after |= draw(st.dictionaries(names, nodes, min_size=1, max_size=5))
    if draw(st.booleans()):
        after |= draw(_attribute_files())
    after = _possible({"keep": Node(b"k\n"), **after})
    return Scene(
        config=tuple(draw(_settings)),
        info="*.txt text=auto\n" if draw(st.integers(0, 9)) == 0 else "",
        raw=raw,
        base=base,
        renormalized=draw(st.booleans()),
        after=after,
        written_again=frozenset(again & after.keys()),
        settled=draw(st.booleans()),
        trusted=draw(st.integers(0, 9)) % 3 > 0,
    )
