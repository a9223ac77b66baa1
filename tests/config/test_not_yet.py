"""What is set and not acted on yet is told where it was set, and every such key is one of the model."""

from __future__ import annotations

from typing import Any

import pytest

from gitferry.config.keys import find
from gitferry.config.model import Settings
from gitferry.config.not_yet import NOT_YET, asked
from gitferry.config.reference import markdown
from gitferry.config.template import PROFILES


def settings(*repositories: dict[str, Any], **more: Any) -> Settings:
    rows = [{"name": f"r{number}", "path": f"/srv/r{number}"} | row for number, row in enumerate(repositories)]
    return Settings.model_validate({"repositories": rows} | more)


def places(found: Settings) -> list[str]:
    return [place for each in asked(found) for place in each.places]


def test_every_key_is_one_of_the_model_and_its_remedy_is_told() -> None:
    for each in NOT_YET:
        place = each.key.replace("[]", "").split(".")
        assert find(tuple(place))[1] is not None, each.key
        assert each.instead and each.remedy


def test_the_reference_marks_each() -> None:
    page = markdown()
    for each in NOT_YET:
        assert page.count(f"**Not acted on yet**: {each.instead}.") >= 1, each.key


def test_no_default_asks_for_what_is_not_there() -> None:
    assert places(settings({})) == []


@pytest.mark.parametrize(
    ("row", "place"),
    [
        ({"pushback": {"pr_template": "mine"}}, "repositories.r0.pushback.pr_template"),
        ({"auth": {"type": "github_app", "app_id": "1", "private_key": "k"}}, "repositories.r0.auth"),
    ],
)
def test_what_a_repository_sets(row: dict[str, Any], place: str) -> None:
    assert places(settings(row)) == [place]


@pytest.mark.parametrize("row", [{"secrets": "warn"}, {"branch_strategy": "feature_branch"}, {"sign": "never"}])
def test_what_happens_anyway_is_not_said(row: dict[str, Any]) -> None:
    assert places(settings({"pushback": row})) == []


def test_what_is_done_for_monitors_and_notifications_is_not_said() -> None:
    more = {"daemon": {"http": {"enabled": True}}, "notifications": [{"type": "desktop"}]}
    assert places(settings(**more)) == []


def test_what_is_inherited_is_said_where_it_is_set() -> None:
    inherited = {"pushback": {"pr_template": "mine"}}
    assert places(settings(inherited, inherited, defaults=inherited)) == ["defaults.pushback.pr_template"]
    (said,) = (each.said for each in asked(settings(*[inherited] * 5)))
    assert said == (
        "repositories.r0.pushback.pr_template, repositories.r1.pushback.pr_template, "
        "repositories.r2.pushback.pr_template and 2 more: not acted on yet, "
        "no pull requests are made: open them at the forge"
    )


def test_the_profiles_for_one_person_ask_for_nothing_that_is_missing() -> None:
    for name in ("workstation", "development"):
        assert not {key for key in PROFILES[name].values if any(key.startswith(each.key) for each in NOT_YET)}
