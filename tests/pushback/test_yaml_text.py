"""YAML texts as trees: the parts are the text, every comment is found, and both of PyYAML's parsers give the same."""

from __future__ import annotations

from random import Random

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gitferry.pushback import value, yaml_text
from gitferry.pushback.text_tree import Form, Tree
from gitferry.pushback.value import Unsettled, read_yaml
from gitferry.pushback.yaml_text import scan
from gitferry.tests.pushback import documents
from gitferry.tests.pushback.manifests import manifests
from gitferry.tests.pushback.trees import text_of


def scanned(text: str) -> Tree | None:
    try:
        return scan(text)
    except Unsettled:
        return None


@pytest.mark.parametrize("path", [path for path in manifests() if not path.endswith(".json")])
def test_manifests(path: str) -> None:
    text = manifests()[path].decode().replace("\r\n", "\n")
    tree = scan(text)
    assert text_of(tree) == text
    assert tree.root.value == read_yaml(text)


@pytest.mark.soak
@given(random=st.randoms(use_true_random=False))
def test_documents(random: Random) -> None:
    text = documents.as_yaml(documents.mapping(random), documents.Style(dashes_indented=random.random() < 0.5)).decode()
    tree = scan(text)
    assert text_of(tree) == text
    assert tree.root.value == read_yaml(text)


@pytest.mark.soak
@given(text=st.text("ab1:-+#'\"|>[]{},?&*! \n\té", max_size=40))
def test_any_text(text: str) -> None:
    tree = scanned(text + "\n")
    if tree is not None:
        assert text_of(tree) == text + "\n"
        assert tree.root.value == read_yaml(text + "\n")


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="this PyYAML was built without libyaml")
def test_both_parsers_give_the_same_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [
        documents.as_yaml(documents.mapping(Random(seed)), documents.Style(dashes_indented=seed % 2 == 0)).decode()
        for seed in range(40)
    ]
    texts += [data.decode().replace("\r\n", "\n") for path, data in manifests().items() if not path.endswith(".json")]
    trees = []
    for loader in (yaml.SafeLoader, yaml.CSafeLoader):
        monkeypatch.setattr(yaml_text, "LOADER", loader)
        trees.append([scan(text) for text in texts])
    assert trees[0] == trees[1]


@pytest.mark.parametrize("text", [r'a: "\UFFFFFFFF"', r'a: "\U00110000"', "a: \x01", "a: \ufffe", "a: '\x7f'"])
@pytest.mark.parametrize("loader", [yaml.SafeLoader, value.LOADER])
def test_characters_that_no_yaml_holds(text: str, loader: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_text, "LOADER", loader)
    monkeypatch.setattr(value, "LOADER", loader)
    assert scanned(text + "\n") is None
    with pytest.raises(Unsettled):
        read_yaml(text)


def test_comments() -> None:
    text = """\
# one
a: 'no # comment'  # two
b: no#comment
c: |  # three
  # text
d: [x,  # four
  "#"]
  # five
e: https://example.org/#no
#six
"""
    assert scan(text).comments == ("# one", "# two", "# three", "# four", "# five", "#six")


def test_what_stands_above_and_behind_an_entry_is_its_own() -> None:
    text = "# of a\na: 1  # at a\n\n# of b\nb:\n  # of c\n  c: 1\n  # behind c\n# of d\nd:\n- x\n# at the end\n"
    a, b, d = scan(text).root.entries
    assert [entry.lead for entry in (a, b, d)] == ["# of a\n", "\n# of b\n", "# of d\n"]
    assert a.trail == "  # at a\n"
    (c,) = b.node.entries
    assert (c.lead, b.node.closing) == ("  # of c\n  ", "  # behind c\n")
    assert scan(text).root.closing == "# at the end\n"


def test_brackets_with_comments_are_taken_whole() -> None:
    for brackets in ("[x, # c\n  y]", "{a, b: 1}", "[x,\n  # c\n  ]"):
        (entry,) = scan(f"k: {brackets}\n").root.entries
        assert entry.node.form is Form.PLAIN
        assert entry.node.text == brackets
    (entry,) = scan("k: [a: 1]\n").root.entries
    assert [each.node.form for each in entry.node.entries] == [Form.PLAIN]
