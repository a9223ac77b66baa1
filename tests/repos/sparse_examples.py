"""Paths, and what a sparse checkout may say of them: odd enough to find where two readers of patterns differ."""

from __future__ import annotations

from hypothesis import strategies as st

_NAMES = st.sampled_from(["a", "b", "ab", "a.b", "B", "c d", " e", "x.bin", "*", "[a]", "\\", "a-b", "]", "é", "d"])
_ATOMS = st.sampled_from([
    *("a", "b", "d", "B", "x", "/", "/", "*", "**", "?", "[", "]", "!", "^", "-", "\\", ".bin", " ", "#", "é"),
    *("[a-c]", "[!a]", "[^b-d]", "[]a]", "[a-]", "[\\]]", "[[:alpha:]]", "[[:foo:]]", "[[:a]", "\\*", "/**/", "/*"),
])  # fmt: skip
_PATHS = st.lists(_NAMES, min_size=1, max_size=4).map("/".join)
_DIRECTORIES = st.lists(_NAMES, min_size=1, max_size=3).map("/".join)


def _apart(paths: list[str]) -> list[str]:
    """The paths without those below another: a name is a file's or a directory's."""
    found: list[str] = []
    for path in paths:
        if not any(path == other or path.startswith(f"{other}/") or other.startswith(f"{path}/") for other in found):
            found.append(path)
    return found


def _written(body: str, negative: bool, end: str) -> str:
    return ("!" if negative else "") + body + end


#: Some files of one tree.
trees = st.lists(_PATHS, min_size=1, max_size=15).map(_apart)

_FEW = st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=3).map("/".join)

#: Of two of these, one has files where the other has directories.
crowded_trees = st.lists(_FEW, min_size=1, max_size=4).map(_apart)

#: Lines that take those for a file, a directory, or either.
crowded_lines = st.lists(
    st.builds(
        str.format,
        st.sampled_from(["{}", "!{}", "{}/", "!{}/", "/{}", "!/{}", "/{}/", "!/{}/", "/{}/*", "!/{}/*"]),
        st.sampled_from(["a", "b", "a/b", "*"]),
    ),
    min_size=1,
    max_size=4,
).map(lambda some: ["/*", *some])

#: A line of a patterns' file: a path, or something that may be a pattern.
lines = st.builds(
    _written,
    st.one_of(
        _PATHS,
        _PATHS.map("/{}".format),
        _PATHS.map("/{}/".format),
        st.lists(_ATOMS, min_size=1, max_size=5).map("".join),
    ),
    st.booleans(),
    st.sampled_from(["", "", "", "", " ", "\\ ", "\r"]),
)

#: What `git sparse-checkout set --cone` may be given.
cones = st.lists(_DIRECTORIES, max_size=3)

#: Lines of which git takes some for cones, and others not.
nearly_cones = st.lists(
    st.one_of(
        st.sampled_from(["/*", "!/*/", "/", "/*/", "!/*"]),
        st.builds(
            str.format,
            st.sampled_from(["/{}/", "/{}/", "/{}/", "!/{}/*/", "/{}/*", "{}/", "/{}", "!/{}/"]),
            st.sampled_from(["a", "b", "a/b", "a/b/d", "d", "\\*", "\\[a\\]", "\\\\", "*"]),
        ),
    ),
    max_size=6,
).map(lambda some: ["/*", "!/*/", *some])
