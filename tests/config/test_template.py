"""The file that `gitferry init` writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitferry.config import keys
from gitferry.config.errors import GitferryError
from gitferry.config.load import parse
from gitferry.config.model import Settings
from gitferry.config.shown import shown
from gitferry.config.template import PROFILES, template

ENVIRON = {"HOME": "/h"}


def dotted(value: object, above: str = "") -> dict[str, object]:
    if not isinstance(value, dict) or not value:
        return {above: value}
    below = (dotted(each, f"{above}.{key}" if above else key) for key, each in value.items())
    return {key: each for one in below for key, each in one.items()}


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_is_the_defaults_but_for_what_it_says(profile: str) -> None:
    settings = parse(template(profile).encode(), Path("f"), ENVIRON)
    plain = dotted(shown(parse(b"version: 1", Path("f"), ENVIRON)))
    differs = {key: each for key, each in dotted(shown(settings)).items() if plain[key] != each}
    # The shared database falls back to the own one where the variable is not set.
    said = {key: each for key, each in PROFILES[profile].values.items() if key != "database.url"}
    assert differs == said


def test_a_shared_database_is_taken_from_the_environment() -> None:
    url = "postgresql://db.example.org/gitferry"
    settings = parse(template("hub").encode(), Path("f"), {**ENVIRON, "GITFERRY_DATABASE_URL": url})
    assert settings.database.url == url


def test_every_key_is_there_with_a_comment_above_it() -> None:
    lines = template("workstation").splitlines()
    assert max(map(len, lines)) <= 120
    for key in keys.keys(Settings)["defaults"].annotation.model_fields:  # type: ignore[union-attr]  # a section
        at = next(number for number, line in enumerate(lines) if line.startswith(f"  {key}:"))
        assert lines[at - 1].startswith("  # ")


def test_the_examples_are_valid_once_their_marks_are_taken_away() -> None:
    text = template("workstation").replace(": []\n#", ":\n#")
    head, _, tail = text.partition("repositories:")
    settings = parse(
        (head + "repositories:" + tail.replace("\n#", "\n").replace("\n Who", "\n# Who")).encode(), Path("f"), ENVIRON
    )
    assert [each.name for each in settings.repositories] == ["tasks"] and len(settings.notifications) == 1


def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(GitferryError, match="no profile"):
        template("laptop")
