"""Puts a tree of entries together again, as its own description says that its text is made."""

from __future__ import annotations

from gitferry.pushback.text_tree import Form, Node, Tree


def text_of(tree: Tree) -> str:
    """Return the text that the tree's parts make."""
    return tree.before + _node(tree.root) + tree.behind


def _node(node: Node) -> str:
    if node.form is Form.PLAIN:
        return node.text
    text = node.opening
    for number, entry in enumerate(node.entries, 1):
        comma = node.form is Form.BRACKETS and (number < len(node.entries) or node.comma)
        text += (entry.lead or "") + entry.head + _node(entry.node) + entry.after + "," * comma + entry.trail
    text += node.closing
    assert text == node.text
    return text
