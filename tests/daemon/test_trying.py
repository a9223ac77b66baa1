"""A credential is tried where a crossing would sign in with it, and nowhere else."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gitferry.daemon.trying import targets
from gitferry.repos.own_settings import NotTrusted
from gitferry.tests.repo import Repo


def test_a_repository_does_not_say_where_a_credential_is_tried(clone: Callable[..., Repo], tmp_path: Path) -> None:
    here = clone("here")
    settings = tmp_path / "config.yaml"
    rows = [{"name": "here", "path": str(here.root), "auth": {"type": "credential", "credential": "work"}}]
    settings.write_text(json.dumps({"version": 1, "repositories": rows}))
    here.git("remote", "set-url", "origin", "https://forge.example.org/r.git")
    (found,) = targets("work", None, settings, os.environ)
    assert found.url == "https://forge.example.org/r.git"
    here.git("config", "url.https://evil.example.org/.insteadOf", "https://forge.example.org/")
    with pytest.raises(NotTrusted, match="where the credential goes"):
        targets("work", "here", settings, os.environ)
