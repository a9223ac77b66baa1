"""Which keys two settings differ in: their names, as `config set` takes them, and never a value. Pure."""

from __future__ import annotations

from typing import Any

from gitferry.config.model import Defaults, Section, Settings


def changed_keys(old: Settings, new: Settings) -> tuple[str, ...]:
    """Return the dotted keys whose values differ, in order.

    What a repository merely inherits is told once, at `defaults`. One that came or went is named as a whole.
    """
    found = list(_differing(_without(old), _without(new), ""))
    before, after = ({each.name: each for each in settings.repositories} for settings in (old, new))
    for name in dict.fromkeys((*before, *after)):
        place = f"repositories.{name}"
        if name not in before or name not in after:
            found.append(place)
            continue
        one, other = _flat(before[name]), _flat(after[name])
        inherited = _flat(old.defaults), _flat(new.defaults)
        found += (
            key
            for key in _differing(one, other, place)
            if (_at(one, key, place), _at(other, key, place)) != tuple(_at(each, key, place) for each in inherited)
        )
    return tuple(found)


def _without(settings: Settings) -> dict[str, Any]:
    return {name: value for name, value in _flat(settings).items() if name != "repositories"}


def _flat(section: Section) -> dict[str, Any]:
    """Return a section's values by key; sections in it as dictionaries, everything else as it is."""
    values = {field.alias or name: getattr(section, name) for name, field in type(section).model_fields.items()}
    return {key: _flat(value) if isinstance(value, Section) else value for key, value in values.items()}


def _differing(old: dict[str, Any], new: dict[str, Any], place: str) -> list[str]:
    found = []
    for key in dict.fromkeys((*old, *new)):
        one, other = old.get(key), new.get(key)
        name = f"{place}.{key}" if place else key
        if isinstance(one, dict) and isinstance(other, dict):
            found += _differing(one, other, name)
        elif one != other:
            found.append(name)
    return found


def _at(values: dict[str, Any], key: str, place: str) -> Any:
    """Return the value of a dotted key below `place`; what is not there is told apart from null."""
    found: Any = values
    for part in key.removeprefix(f"{place}.").split("."):
        found = found.get(part, Defaults) if isinstance(found, dict) else Defaults
    return found
