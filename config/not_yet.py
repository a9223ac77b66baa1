"""Settings that are read and checked, and not acted on yet: what happens instead, told wherever people look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gitferry.config.listing import first_of
from gitferry.config.model import Defaults, Settings

_NAMED = 3  # places that are listed
_ATTRIBUTES = {"schema": "schema_"}  # pydantic has a `schema` of its own


@dataclass(frozen=True, slots=True)
class NotYet:
    """`key` as docs/settings.md heads it. `asks` says whether a value asks for more than happens."""

    key: str
    instead: str
    remedy: str
    asks: Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Asked:
    """One of them that settings in force ask for, and where."""

    setting: NotYet
    places: tuple[str, ...]

    @property
    def said(self) -> str:
        """The sentence that tells it."""
        return f"{first_of(self.places, _NAMED)}: not acted on yet, {self.setting.instead}"


def _other_than(value: object) -> Callable[[Any], bool]:
    return lambda given: given != value


NOT_YET = (
    NotYet(
        "defaults.pushback.pr_template",
        "no pull requests are made: open them at the forge",
        "leave it out until then",
        _other_than(Defaults().pushback.pr_template),
    ),
    NotYet(
        "repositories[].auth",
        "nothing signs in as a GitHub App",
        "use a token or an SSH key until then",
        lambda auth: auth is not None and auth.type == "github_app",
    ),
)


def at(key: str) -> NotYet | None:
    """Return what happens instead of the setting `key`, None where it is acted on."""
    return next((each for each in NOT_YET if each.key == key), None)


def asked(settings: Settings) -> tuple[Asked, ...]:
    """Return what these settings ask for and do not get yet; no default does."""
    found = ((each, _places(each, settings)) for each in NOT_YET)
    return tuple(Asked(each, places) for each, places in found if places)


def _places(setting: NotYet, settings: Settings) -> tuple[str, ...]:
    """Return where it is asked for, as `config set` names it. What a repository inherits is named where it is set."""
    top, _, rest = setting.key.partition(".")
    scopes: dict[str, object] = {}
    inherited = None
    if top == "defaults":
        scopes["defaults"] = settings.defaults
        inherited = _value(settings.defaults, rest)
    if top in ("defaults", "repositories[]"):
        scopes |= {f"repositories.{each.name}": each for each in settings.repositories}
    else:
        scopes[top] = getattr(settings, top)
    found = []
    for place, section in scopes.items():
        value = _value(section, rest)
        own = place == top or value != inherited
        if own and setting.asks(value):
            found.append(f"{place}.{rest}" if rest else place)
    return tuple(found)


def _value(section: object, path: str) -> Any:
    """Return what stands at the dotted `path` in a section, the section itself for an empty one."""
    for key in path.split(".") if path else ():
        section = getattr(section, _ATTRIBUTES.get(key, key))
    return section
