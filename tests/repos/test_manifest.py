"""Manifests are read as written, and what cannot be read says where."""

from __future__ import annotations

import pytest

from gitferry.repos.manifest import SIZE_LIMIT, Manifest, ManifestFault, read, which


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("metadata.json", b'{"uuid": "u-1", "name": "Addition", "version": "1.0", "input": {"name": "inner"}}'),
        ("METADATA.JSON", b'\xef\xbb\xbf{"uuid": "u-1", "name": "Addition", "version": 1.0, "tags": ["name"]}'),
        ("task.yaml", b"name: Addition\nversion: 1.0\nuuid: u-1\ninput: {name: inner, version: 2}\n"),
        ("task.yml", b"---\n'name': \"Addition\"\n? [complex, key]\n: name\nversion: '1.0'\nuuid: u-1\n...\n"),
        (
            "meta.yaml",
            b"tags:\n  - name\n  - version: 3\nname: Addition\nversion: 1.0\nuuid: !!str u-1",
        ),
    ],
)
def test_name_version_and_uuid_are_the_text_as_written(name: str, data: bytes) -> None:
    assert read(name, data) == Manifest("Addition", "1.0", "u-1")


@pytest.mark.parametrize("data", [b'{"version": 1.10, "uuid": 123456789012345678901234567890}'])
def test_numbers_lose_nothing(data: bytes) -> None:
    assert read("m.json", data) == Manifest(None, "1.10", "123456789012345678901234567890")
    assert read("m.yaml", data) == Manifest(None, "1.10", "123456789012345678901234567890")


@pytest.mark.parametrize("name", ["m.json", "m.yaml"])
def test_a_doubled_key_is_its_last_value_and_a_warning(name: str) -> None:
    manifest = read(name, b'{"name": "first", "x": {"a": "1", "a": "2"}, "name": "last"}')
    assert manifest.name == "last"
    assert len(manifest.warnings) == 2
    assert any("'name'" in warning for warning in manifest.warnings)


@pytest.mark.parametrize("name", ["m.json", "m.yaml"])
def test_values_that_are_no_text_are_left_out(name: str) -> None:
    assert read(name, b'{"name": null, "version": "", "uuid": " "}') == Manifest()
    manifest = read(name, b'{"name": ["x"], "version": {"name": "y"}}')
    assert (manifest.name, manifest.version) == (None, None)
    assert len(manifest.warnings) == 2


def test_yaml_words_are_text_where_they_are_no_null() -> None:
    assert read("m.yaml", b"name: yes\nversion: 2024-01-02\nuuid: ~\n") == Manifest("yes", "2024-01-02", None)
    assert read("m.yaml", b"name: 'null'\nversion:\n") == Manifest("null", None, None)


def test_what_would_disturb_a_terminal_is_left_out() -> None:
    manifest = read("m.json", b'{"name": "two\\nlines \\u001b[31mred\\u202e"}')
    assert manifest.name == "two lines [31mred"
    assert len(manifest.warnings) == 1


@pytest.mark.parametrize(
    ("name", "data", "line", "column"),
    [
        ("m.json", b'{\n  "name": oops\n}', 2, 11),
        ("m.json", b"", 1, 1),
        ("m.json", b"[1]", 1, 1),
        ("m.json", b'{"name": "caf\xe9"}', 1, 14),
        ("m.json", b"[" * 100_000, 1, 1),
        ("m.yaml", b"name: x\n  bad: [", 2, 6),
        ("m.yaml", b"a: &anchor x\nname: *anchor\n", 2, 7),
        ("m.yaml", b"", 1, 1),
        ("m.yaml", b"# only a comment\n", 1, 1),
        ("m.yaml", b"just text", 1, 1),
        ("m.yaml", b"- name: x", 1, 1),
        ("m.yaml", b"name: x\n---\nname: y\n", 2, 1),
        ("m.yaml", b"name: \x07", 1, 1),
        ("m.toml", b"name = 'x'", 1, 1),
        ("m.json", b" " * (SIZE_LIMIT + 1), 1, 1),
    ],
)
def test_faults_say_where(name: str, data: bytes, line: int, column: int) -> None:
    with pytest.raises(ManifestFault) as caught:
        read(name, data)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert caught.value.title.startswith(f"{name}:{line}:{column}: {caught.value.message}")
    assert caught.value.hint


def test_tags_construct_nothing() -> None:
    assert read("m.yaml", b"name: !!python/object/apply:os.system ['exit 1']\nversion: 1\n").version == "1"


def test_the_largest_manifest_is_read_in_reasonable_time() -> None:
    filler = b"".join(b"key%d: [a, b]\n" % number for number in range(50_000))[: SIZE_LIMIT - 100]
    assert read("m.yaml", b"name: x\n" + filler.rpartition(b"\n")[0] + b"\n").name == "x"


def test_the_first_manifest_of_the_settings_order_is_the_one() -> None:
    order = ("metadata.json", "task.yaml")
    assert which({"task.yaml", "metadata.json", "x"}, order) == "metadata.json"
    assert which(["task.yaml"], order) == "task.yaml"
    assert which([], order) is None
