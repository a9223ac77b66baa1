"""`gitferry config path|show|set|validate|schema`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gitferry.tests.daemon.cli.conftest import Gitferry


@pytest.fixture
def written(gitferry: Gitferry, settings: Path) -> Path:
    gitferry("init")
    return settings


def test_path(gitferry: Gitferry, settings: Path, tmp_path: Path) -> None:
    assert gitferry("config", "path").out == f"{settings}\n"
    other = tmp_path / "other.yaml"
    assert gitferry("config", "path", "--config", str(other), "--json").json == {
        "settings": str(other),
        "exists": False,
    }


def test_show_masks_secrets_and_fills_defaults_in(
    gitferry: Gitferry, written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "canary-secret")
    written.write_text("repositories:\n- path: /srv/a\n  auth: {type: git_token, token: '${TOKEN}'}\n")
    said = gitferry("config", "show")
    assert "canary" not in said.out and "every: 5m" in said.out
    found = gitferry("--json", "config", "show").json
    assert found["repositories"][0]["auth"]["token"] == "********"


def test_set_keeps_comments_and_refuses_what_is_wrong(gitferry: Gitferry, written: Path) -> None:
    before = written.read_text()
    gitferry("config", "set", "defaults.pull.every", "1m")
    assert written.read_text() == before.replace("every: 5m", "every: 1m")
    for key, value, message in (
        ("defaults.pull.every", "soon", '"soon" is no duration'),
        ("defaults.pul.every", "1m", "did you mean pull"),
        ("repositories.x.auth.token", "canary", "is a secret"),
    ):
        said = gitferry("config", "set", key, value, code=1)
        assert message in said.err and "canary" not in said.err
    assert written.read_text() == before.replace("every: 5m", "every: 1m")


def test_validate_names_every_fault(gitferry: Gitferry, written: Path) -> None:
    assert gitferry("config", "validate").out == f"{written} is valid\n"
    written.write_text("daemon: {wrkers: 1}\ndefaults: {pull: {every: 5}}\n")
    said = gitferry("config", "validate", code=1)
    lines = said.err.splitlines()
    assert lines[1].startswith(f"{written}:1:10: unknown key wrkers in daemon; did you mean workers?")
    assert lines[2].startswith(f'{written}:2:26: defaults.pull.every: "5" is no duration')
    found = gitferry("config", "validate", "--json", code=1).json
    assert [(each["line"], each["column"]) for each in found["faults"]] == [(1, 10), (2, 26)]
    assert found["valid"] is False


def test_a_missing_and_an_empty_file_are_faults(gitferry: Gitferry, settings: Path) -> None:
    for words in (("config", "set", "daemon.workers", "2"), ("config", "validate"), ("status",)):
        assert gitferry(*words, code=1).err.startswith(f"error: there is no settings file {settings}\n  → ")
    settings.parent.mkdir(parents=True)
    settings.touch()
    assert f"{settings}:1:1: the file is empty" in gitferry("config", "validate", code=1).err
    assert "there is no settings file /none.yaml" in gitferry("config", "show", "--config", "/none.yaml", code=1).err


def test_schema(gitferry: Gitferry) -> None:
    assert json.loads(gitferry("config", "schema").out)["$schema"].endswith("2020-12/schema")


def test_usage(gitferry: Gitferry) -> None:
    gitferry("config", "set", "only-a-key", code=2)
    gitferry("config", "nothing", code=2)
