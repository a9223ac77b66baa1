"""The merge by structure: what the result's text is, what stays a conflict, and the laws that every result keeps."""

from __future__ import annotations

import copy
from random import Random

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from gitferry.pushback.structure import SIZE_LIMIT, merge_text
from gitferry.tests.pushback import documents, merge_laws


def merged(name: str, base: str, local: str, remote: str) -> str | None:
    found = merge_text(name, base.encode(), local.encode(), remote.encode())
    return None if found is None else found.decode()


# --- JSON ---


def test_what_would_change_at_a_second_merge_is_a_conflict() -> None:
    """A space behind the bracket would go to the line of an entry that comes first, and there be added again."""
    base = '{\n  "name": 1,\n  "version": 1\n}\n'
    remote = base.replace("{\n", '{\n  "env": 1,\n')
    assert merged("x.json", base, base.replace("{", "{ "), remote) is None
    assert merged("x.json", base, base.replace('"version": 1', '"version": 2'), remote) is not None


MANIFEST = """\
{
  "name": "a",
  "version": "1.0.0",
  "label": "A",\x20
  "tags": ["x", "y"],
  "limits": {
    "cpu": 1
  }
}
"""


def test_json_neighbouring_lines_and_both_adding() -> None:
    local = (
        MANIFEST.replace("1.0.0", "1.0.1")
        .replace('"y"]', '"y", "ours"]')
        .replace('"cpu": 1', '"cpu": 1,\n    "disk": {\n      "size": 5\n    }')
    )
    remote = (
        MANIFEST.replace('"a",', '"a",\n  "author": "r",')
        .replace('"y"]', '"y", "theirs"]')
        .replace('"cpu": 1', '"cpu": 2,\n    "memory": 64')
    )
    assert (
        merged("metadata.json", MANIFEST, local, remote)
        == """\
{
  "name": "a",
  "author": "r",
  "version": "1.0.1",
  "label": "A",\x20
  "tags": ["x", "y", "theirs", "ours"],
  "limits": {
    "cpu": 2,
    "memory": 64,
    "disk": {
      "size": 5
    }
  }
}
"""
    )


@pytest.mark.parametrize(
    ("base", "local", "remote", "result"),
    [
        pytest.param('{"a":1,"b":1}', '{"a":2,"b":1}', '{"a":1,"b":2}', '{"a":2,"b":2}', id="compact"),
        pytest.param('{"a":1}', '{"a":1,"l":1}', '{"a":1,"r":1}', '{"a":1,"r":1,"l":1}', id="compact, both add"),
        pytest.param("[]", '["l"]', '["r"]', '["r", "l"]', id="empty"),
        pytest.param('{"a": 1, "b": 1}', '{"b": 1}', '{"a": 1, "b": 2}', '{"b": 2}', id="the first deleted"),
        pytest.param(
            '{\n\t"a": 1\n}', '{\n\t"a": 1,\n\t"l": 1\n}', '{\n\t"a": 2\n}', '{\n\t"a": 2,\n\t"l": 1\n}', id="tabs"
        ),
        pytest.param(
            '{\r\n  "a": 1,\r\n  "b": 1\r\n}\r\n',
            '{\r\n  "a": 2,\r\n  "b": 1,\r\n  "l": 1\r\n}\r\n',
            '{\r\n  "a": 1,\r\n  "b": 2\r\n}\r\n',
            '{\r\n  "a": 2,\r\n  "b": 2,\r\n  "l": 1\r\n}\r\n',
            id="CRLF",
        ),
        pytest.param(
            '{\n  "a": 1,\n  "b": 1\n}\n',
            '{\n  "a": 2,\n  "b": 1\n}\n',
            '{\r\n  "a": 1,\r\n  "b": 2\r\n}\r\n',
            '{\r\n  "a": 2,\r\n  "b": 2\r\n}\r\n',
            id="CRLF since",
        ),
        pytest.param(
            '\ufeff{"a": 1,\n"b": 1}',
            '\ufeff{"a": 2,\n"b": 1}',
            '\ufeff{"a": 1,\n"b": 2}',
            '\ufeff{"a": 2,\n"b": 2}',
            id="BOM",
        ),
        pytest.param(
            '{\n  "a": 1,\n  "b": 1\n}',
            '{\n  "a": 1,\n  "l": [\n    1\n  ],\n  "b": 1\n}',
            '{\n    "a": 2,\n    "b": 1\n}',
            '{\n    "a": 2,\n    "l": [\n      1\n    ],\n    "b": 1\n}',
            id="indented anew there",
        ),
        pytest.param(
            '{\n  "a": 1,\n  "b": 1\n}',
            '{\n    "a": 1,\n    "b": 2\n}',
            '{\n  "a": 2,\n  "b": 1\n}',
            '{\n    "a": 2,\n    "b": 2\n}',
            id="indented anew here",
        ),
        pytest.param(
            '{\n  "a": 1,\n\n  "b": 1\n}',
            '{\n  "a": 2,\n\n  "b": 1\n}',
            '{\n  "a": 1,\n\n  "b": 2\n}',
            '{\n  "a": 2,\n\n  "b": 2\n}',
            id="empty lines",
        ),
        pytest.param(
            '{"a": "\\u00e9", "b": 1}',
            '{"a": "\\u00e9", "b": 2}',
            '{"a": "é", "b": 1}',
            '{"a": "é", "b": 2}',
            id="escapes",
        ),
        pytest.param(
            '[\n  {"id": 1, "n": 1},\n  {"id": 2, "n": 1}\n]',
            '[\n  {"id": 1, "n": 2},\n  {"id": 2, "n": 1},\n  {"id": 3}\n]',
            '[\n  {"id": 2, "n": 5}\n]',
            None,
            id="an element deleted and changed",
        ),
        pytest.param(
            '[\n  {"id": 1, "n": 1},\n  {"id": 2, "n": 1}\n]',
            '[\n  {"id": 1, "n": 1},\n  {"id": 2, "n": 2},\n  {"id": 3}\n]',
            '[\n  {"id": 2, "n": 1, "m": 1}\n]',
            '[\n  {"id": 2, "n": 2, "m": 1},\n  {"id": 3}\n]',
            id="elements by id",
        ),
    ],
)
def test_json_layouts(base: str, local: str, remote: str, result: str | None) -> None:
    assert merged("x.json", base, local, remote) == result


# --- YAML ---

TASK = """\
# The weekly report
name: report
version: 1.0.0  # by hand
tags: [mail, weekly]

# Where it runs
env:
  # from the vault
  HOST: mail
  PORT: '587'
steps:
- name: collect
  run: |
    python collect.py

    exit 0
  timeout: 30s
# in templates/
- name: render
  run: python render.py
"""


def test_yaml_comments_quotes_and_order_stay() -> None:
    local = (
        TASK.replace("1.0.0", "1.1.0")
        .replace("weekly]", "weekly, ours]")
        .replace("  PORT: '587'\n", "  PORT: '25'\n  # ours\n  USER: me\n")
        .replace("  timeout: 30s\n", "  timeout: 60s\n")
    )
    remote = (
        TASK.replace("name: report\n", 'name: "report"\nlabel: The report\n')
        .replace("weekly]", "weekly, 'theirs']")
        .replace("  HOST: mail\n", "  HOST: mail.example.org  # moved\n  # theirs\n  TLS: yes\n")
        .replace("- name: render\n", "- name: check\n  run: python check.py\n- name: render\n")
    )
    assert (
        merged("task.yaml", TASK, local, remote)
        == """\
# The weekly report
name: "report"
label: The report
version: 1.1.0  # by hand
tags: [mail, weekly, 'theirs', ours]

# Where it runs
env:
  # from the vault
  HOST: mail.example.org  # moved
  # theirs
  TLS: yes
  PORT: '25'
  # ours
  USER: me
steps:
- name: collect
  run: |
    python collect.py

    exit 0
  timeout: 60s
# in templates/
- name: check
  run: python check.py
- name: render
  run: python render.py
"""
    )


@pytest.mark.parametrize(
    ("base", "local", "remote", "result"),
    [
        pytest.param("a: 1\nb: 1\n", "a: 2\nb: 1\n", "a: 1\nb: 2\n", "a: 2\nb: 2\n", id="neighbours"),
        pytest.param("a: 1\n", "a: 1\nl: 1\n", "a: 1\nr: 1\n", "a: 1\nr: 1\nl: 1\n", id="both add"),
        pytest.param("a: 1\nb: 1", "a: 1\nb: 1\nl: 1", "a: 1\nb: 2", "a: 1\nb: 2\nl: 1", id="last line without end"),
        pytest.param("a:\nb: 1\n", "a: 1\nb: 1\n", "a:\nb: 2\n", "a: 1\nb: 2\n", id="nothing, then something"),
        pytest.param(
            "---\na: 1\nb: 1\n", "---\na: 2\nb: 1\n", "---\na: 1\nb: 2\n", "---\na: 2\nb: 2\n", id="marked start"
        ),
        pytest.param(
            "a: 1\n# of b\nb: 1\nc: 1\n",
            "a: 1\nc: 1\n",
            "a: 2\n# of b\nb: 1\nc: 1\n",
            "a: 2\nc: 1\n",
            id="with its comment",
        ),
        pytest.param(
            "a: 1\n# of b\nb: 1\n", "a: 1\n# of b\n", "a: 2\n# of b\nb: 1\n", "a: 2\n# of b\n", id="without its comment"
        ),
        pytest.param(
            "- a: 1\n  name: n\n- name: o\n",
            "- name: n\n- name: o\n  l: 1\n",
            "- a: 1\n  name: n\n- name: o\n  r: 1\n",
            "- name: n\n- name: o\n  r: 1\n  l: 1\n",
            id="the key behind a dash deleted",
        ),
        pytest.param(
            "- name: n\n- name: o\n",
            "- id: 1\n  name: n\n- name: o\n  l: 1\n",
            "- name: n\n- name: o\n  r: 1\n",
            "- id: 1\n  name: n\n- name: o\n  r: 1\n  l: 1\n",
            id="a key put before the one behind a dash",
        ),
        pytest.param(
            "a:\n  b: 1\n  c: 1\n",
            "a:\n  b: 1\n  # l\n  l:\n    - 1\n  c: 1\n",
            "a:\n    b: 2\n    c: 1\n",
            "a:\n    b: 2\n    # l\n    l:\n      - 1\n    c: 1\n",
            id="indented anew there",
        ),
        pytest.param(
            "a:\n  b: 1\n", "a:\n  b: 1\n  l: |\n    x\n", "a:\n    b: 2\n", None, id="block scalar to be indented anew"
        ),
        pytest.param(
            "a: |+\n  x\n\n\nb: 1\n",
            "a: |+\n  x\n\n\nb: 2\n",
            "a: |+\n  y\n\n\nb: 1\n",
            "a: |+\n  y\n\n\nb: 2\n",
            id="kept lines",
        ),
        pytest.param(
            "a: |\n  x\nb: 1\n", "a: |\n  y\nb: 1\n", "a: |\n  z\nb: 1\n", None, id="block scalar on both sides"
        ),
        pytest.param(
            "a: [x,\n  y]\n", "a: [x,\n  y, l]\n", "a: [r, x,\n  y]\n", "a: [r, x,\n  y, l]\n", id="flow of lines"
        ),
        pytest.param(
            "a: [x, # c\n  y]\n", "a: [x, # c\n  y, l]\n", "a: [r, x, # c\n  y]\n", None, id="comment in flow"
        ),
        pytest.param("a: 1 # c\n", "a: 2 # c\n", "a: 1 # d\n", "a: 2 # d\n", id="value here, comment there"),
        pytest.param("a: 1 # c\nb: 1\n", "b: 1\n", "a: 1 # d\nb: 1\n", None, id="deleted here, comment there"),
        pytest.param("a: 1\n", "# l\na: 1\n", "# r\na: 1\n", None, id="comments in one place"),
        pytest.param("a: x\n", "a: 'x'\n", "a: y\n", None, id="only the quotes"),
        pytest.param("a: 1\nb: 1\n", "b: 1\na: 1\n", "a: 1\nb: 2\n", None, id="reordered here"),
        pytest.param("a: 1\nb: 1\n", "a: 1\nb: 1\nl: 1\n", "b: 1\na: 2\n", "b: 1\nl: 1\na: 2\n", id="reordered there"),
        pytest.param("a: 1\n", "a: 1\n\n\n", "a: 2\n", "a: 2\n\n\n", id="empty lines"),
        pytest.param("{a: 1, b: 1}\n", "{a: 2, b: 1}\n", "{a: 1, b: 2}\n", "{a: 2, b: 2}\n", id="flow root"),
        pytest.param(
            "a: 1\nb: {}\n", "a: 1\nb: {l: 1}\n", "a: 2\nb: {r: 1}\n", "a: 2\nb: {r: 1, l: 1}\n", id="empty flow"
        ),
        pytest.param("on: 1\nb: 1\n", "on: 2\nb: 1\n", "on: 1\nb: 2\n", "on: 2\nb: 2\n", id="a key that reads as true"),
    ],
)
def test_yaml_layouts(base: str, local: str, remote: str, result: str | None) -> None:
    assert merged("x.yaml", base, local, remote) == result
    assert merged("x.YML", base, local, remote) == result


# --- What stays a conflict ---


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("a: &x 1\nb: 1\n", id="anchor"),
        pytest.param("a: &x {c: 1}\nd: *x\nb: 1\n", id="alias"),
        pytest.param("a: !t 1\nb: 1\n", id="tag"),
        pytest.param("a: {<<: {c: 1}}\nb: 1\n", id="merge key"),
        pytest.param("b: 1\n---\nb: 1\n", id="documents"),
        pytest.param("b: 1\n...\n", id="marked end"),
        pytest.param("%YAML 1.1\n---\nb: 1\n", id="directive"),
        pytest.param("? a\n: 1\nb: 1\n", id="complex key"),
        pytest.param("? [a]\n: 1\nb: 1\n", id="collection as key"),
        pytest.param("b: 1\nb: 1\n", id="key twice"),
        pytest.param("1: 1\n'1': 1\nb: 1\n", id="keys that read alike"),
        pytest.param("a: 1\r\nb: 1\n", id="mixed line ends"),
        pytest.param("a: 1\rb: 1\n", id="lone carriage return"),
        pytest.param("a: x\u2028y\nb: 1\n", id="line separator"),
        pytest.param("a: 1\t\nb: 1\n", id="tab"),
        pytest.param("b 1\n", id="a scalar"),
        pytest.param("# b: 1\n", id="nothing"),
        pytest.param("b: [1\n", id="no YAML"),
    ],
)
def test_yaml_that_is_not_merged(content: str) -> None:
    local, remote = "l: 1\n" + content.replace("b: 1", "b: 2"), content.replace("b: 1", "b: 1\nr: 1")
    assert merged("x.yaml", content, local, remote) is None


@pytest.mark.parametrize(
    "content",
    [
        '{"b": 1, "b": 1}',
        '{"b": 1,}',
        '{"b": 01}',
        '{"b": NaN, "c": 1}',
        "{b: 1}",
        '{"b": 1} //',
        "",
        '{"b": 1}\0',
        '"b": 1',
    ],
)
def test_json_that_is_not_merged(content: str) -> None:
    local, remote = content.replace("{", '{"l": 1, '), content.replace("{", '{"r": 1, ')
    assert merged("x.json", content, local, remote) is None


@pytest.mark.parametrize("name", ["x.toml", "x", "json", ".json.bak", "x.jsonl", ""])
def test_other_files_are_not_merged(name: str) -> None:
    assert merged(name, '{"a": 1}', '{"a": 1, "b": 1}', '{"a": 1, "c": 1}') is None


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"[" * 200_000 + b"]" * 200_000, id="deep"),
        pytest.param(b'{"a":' * 200_000, id="deep and open"),
        pytest.param(b"- " * 200_000, id="dashes"),
        pytest.param(b"? " * 200_000, id="question marks"),
        pytest.param(b"a: &a [x, x]\n" + b"".join(b"a%d: &a [*a, *a]\n" % n for n in range(40)), id="laughs"),
        pytest.param(b"[" + b",".join(b"%d" % n for n in range(50_000)) + b"]", id="wide"),
        pytest.param(b"a: '" + b"x" * SIZE_LIMIT + b"'\n", id="large"),
        pytest.param(b'{"a": "\xff"}', id="no UTF-8"),
        pytest.param(b'{"a": "\0"}', id="NUL"),
        pytest.param(b"'" * 100_000, id="quotes"),
        pytest.param(b" \n" * 100_000 + b"--", id="blanks"),
    ],
)
@pytest.mark.parametrize("name", ["x.json", "x.yaml"])
def test_bombs_are_conflicts(name: str, data: bytes) -> None:
    assert merge_text(name, data, b"l" + data, data + b"r") is None
    assert merge_text(name, data, data, data + b"r") is None


def test_a_text_with_markers_is_not_merged() -> None:
    base = "{a: [\nx\n],\nb: 1}\n"
    assert merged("x.yaml", base, base.replace("1", "2"), base.replace("{", "{r: 1, ")) is not None
    base = base.replace("x", "<<<<<<< x")
    assert merged("x.yaml", base, base.replace("1", "2"), base.replace("{", "{r: 1, ")) is None


def test_huge_numbers_keep_their_digits() -> None:
    digits = "9" * 100_000
    base = f'{{"n": {digits}, "a": 1}}'
    assert merged("x.json", base, base.replace("1}", "2}"), f'{{"r": 1, {base[1:]}') == f'{{"r": 1, {base[1:-3]} 2}}'


# --- Laws ---

NAMES = ("x.json", "x.yaml")


def sides(name: str, random: Random, *, laid_out_anew: bool) -> tuple[bytes, bytes, bytes]:
    """Return a document and two edits of it."""
    write = documents.as_json if name == "x.json" else documents.as_yaml
    base = documents.mapping(random, size=random.randint(1, 7))
    styles = [documents.style(random)] * 3
    if laid_out_anew:
        styles[random.randint(1, 2)] = documents.style(random)
    models = [base, copy.deepcopy(base), copy.deepcopy(base)]
    for model in models[1:]:
        for _ in range(random.randint(1, 3)):
            documents.edit(model, random)
    b, l, r = (write(model, style) for model, style in zip(models, styles, strict=True))  # noqa: E741 # as in docs/
    return b, l, r


@pytest.mark.soak
@pytest.mark.parametrize("anew", [False, True], ids=["layout kept", "laid out anew"])
@pytest.mark.parametrize("name", NAMES)
@given(random=st.randoms(use_true_random=False))
def test_laws(name: str, anew: bool, random: Random) -> None:
    base, local, remote = sides(name, random, laid_out_anew=anew)
    assert merge_text(name, base, base, remote) == remote
    assert merge_text(name, base, local, base) == local
    result = merge_text(name, base, local, remote)
    if result is None:
        return
    value = merge_laws.load(name, result)
    b, l, r = (merge_laws.load(name, data) for data in (base, local, remote))  # noqa: E741 # as in docs/
    assert merge_laws.lost(b, l, r, value) == []
    assert merge_laws.comments_lost(base, local, remote, result) == []
    assert anew or merge_laws.touched(base, local, remote, result) == []
    assert merge_text(name, base, local, result) == result
    again = merge_text(name, base, result, remote)
    assert again is not None
    assert merge_laws.load(name, again) == value


@pytest.mark.parametrize("name", NAMES)
def test_most_documents_that_can_be_merged_are(name: str) -> None:
    """The laws say nothing where the answer is None: here is that it seldom is, where no value is in the way."""
    settled = left = 0
    for number in range(150):
        base, local, remote = sides(name, Random(number), laid_out_anew=False)
        if merge_text(name, base, local, remote) is not None:
            settled += 1
        elif not merge_laws.clashes(*(merge_laws.load(name, data) for data in (base, local, remote))):
            left += 1
    assert settled > 100
    assert left < 15


def loads(name: str, data: bytes) -> bool:
    """Whether a text can be read."""
    try:
        merge_laws.load(name, data)
    except (ValueError, RecursionError, yaml.YAMLError):
        return False
    return True


@pytest.mark.soak
@example(name="x.yaml", texts=("1:", "1\t1:", "1\t1:"))
@given(name=st.sampled_from(NAMES), texts=st.tuples(*[st.text("{}[]:,\"'#|>+&*!?%-~ \n\tab1é", max_size=60)] * 3))
def test_any_text_is_an_answer(name: str, texts: tuple[str, str, str]) -> None:
    base, local, remote = (text.encode() for text in texts)
    result = merge_text(name, base, local, remote)
    if result is not None:
        # libyaml reads some texts with tabs that PyYAML itself does not: what both sides hold is as good as they.
        if loads(name, local) and loads(name, remote):
            merge_laws.load(name, result)
        assert merge_text(name, base, local, result) == result


@pytest.mark.soak
@given(name=st.sampled_from(NAMES), data=st.tuples(*[st.binary(max_size=60)] * 3))
def test_any_bytes_are_an_answer(name: str, data: tuple[bytes, bytes, bytes]) -> None:
    merge_text(name, *data)


@pytest.mark.soak
@given(name=st.sampled_from(NAMES), random=st.randoms(use_true_random=False))
def test_spoilt_documents_are_an_answer(name: str, random: Random) -> None:
    """Characters moved about in real documents come nearer to what the parsers take than random text does."""
    spoilt = []
    for data in sides(name, random, laid_out_anew=False):
        text = data.decode()
        for _ in range(random.randint(0, 3)):
            at, start = random.randint(0, len(text)), random.randint(0, len(text))
            text = text[:at] + text[start : start + random.randint(1, 12)] + text[at + random.randint(0, 3) :]
        spoilt.append(text.encode())
    base, local, remote = spoilt
    result = merge_text(name, base, local, remote)
    if result is not None:
        # libyaml reads some texts with tabs that PyYAML itself does not: what both sides hold is as good as they.
        if loads(name, local) and loads(name, remote):
            merge_laws.load(name, result)
        assert merge_text(name, base, local, result) == result
