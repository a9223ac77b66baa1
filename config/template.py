"""The commented settings file that `gitferry init` writes: every key with its default, made from the model."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from typing import Any

from gitferry.config import keys
from gitferry.config.errors import GitferryError
from gitferry.config.model import Section, Settings
from gitferry.config.render import entry, inline

_WIDTH = 80


@dataclass(frozen=True, slots=True)
class Profile:
    """What a kind of installation is, and where its settings differ from the defaults (dotted key to value)."""

    purpose: str
    values: dict[str, Any] = field(default_factory=dict)


PROFILES = {
    "workstation": Profile("one person's machine: edits travel by themselves"),
    "development": Profile(
        "trying things out: quick, and talkative",
        {
            "daemon.log.level": "debug",
            "defaults.pull.every": "1m",
            "defaults.watch.quiet": "1s",
            "defaults.watch.max_wait": "10s",
        },
    ),
    "staging": Profile(
        "a shared machine before production: conflicts stop, changes go to review branches",
        {
            "daemon.log.format": "json",
            "defaults.pushback.conflict_strategy": "fail",
            "defaults.pushback.branch_strategy": "feature_branch",
        },
    ),
    "production": Profile(
        "a machine that others rely on: it follows the remote, and what was changed on it waits for approval",
        {
            "daemon.log.format": "json",
            "defaults.pull.every": "1m",
            "defaults.pushback.auto_push": False,
            "defaults.pushback.approval": "required",
            "defaults.pushback.conflict_strategy": "manual",
            "defaults.pushback.branch_strategy": "feature_branch",
        },
    ),
    "enterprise": Profile(
        "many repositories and people: review, approval, a shared database, the API behind a proxy",
        {
            "daemon.http.enabled": True,
            "daemon.workers": 16,
            "daemon.log.format": "json",
            "database.url": "${GITFERRY_DATABASE_URL:-sqlite:///${STATE_DIR}/gitferry.db}",
            "defaults.pushback.approval": "required",
            "defaults.pushback.conflict_strategy": "create_pr",
            "defaults.pushback.branch_strategy": "feature_branch",
            "defaults.pushback.push_commits": False,
        },
    ),
    "hub": Profile(
        "the place many workstations report to: it mirrors, serves the API, and changes nothing by itself",
        {
            "daemon.http.enabled": True,
            "daemon.workers": 16,
            "daemon.log.format": "json",
            "database.url": "${GITFERRY_DATABASE_URL:-sqlite:///${STATE_DIR}/gitferry.db}",
            "defaults.watch.enabled": False,
            "defaults.pushback.enabled": False,
        },
    ),
}

_HEAD = """\
# gitferry settings, profile {name}
{purpose}
#
# Every key is here with its default, and may be left out. A value may hold
# ${{VAR}} or ${{VAR:-default}}, and $$ for a dollar; ${{STATE_DIR}} is gitferry's
# state directory. Durations are written 300ms, 90s, 5m, 1h, sizes 512KiB and
# 10MiB. `gitferry config validate` checks this file; a running daemon takes an
# edit over within two seconds.
"""
_EXAMPLES: dict[str, dict[str, Any]] = {
    "repositories": {
        "name": "tasks",
        "path": "~/code/tasks",
        "url": "https://git.example.org/team/tasks.git",
        "auth": {"credential": "work"},
        "pushback": {"auto_push": False},
    },
    "notifications": {"type": "desktop", "events": ["conflict", "failing"]},
}


def template(profile: str) -> str:
    """Return the text of a settings file for the profile. Raises GitferryError for a profile that is not known."""
    chosen = PROFILES.get(profile)
    if chosen is None:
        raise GitferryError(f'there is no profile "{profile}"', f"choose one of {', '.join(PROFILES)}")
    purpose = "\n".join(textwrap.wrap(f"({chosen.purpose})", _WIDTH, initial_indent="# ", subsequent_indent="# "))
    lines = _HEAD.format(name=profile, purpose=purpose).splitlines()
    for key, each in keys.keys(Settings).items():
        lines += ["", *_key((key,), each, chosen.values)]
    return "\n".join(lines) + "\n"


def _key(place: tuple[str, ...], each: Any, values: dict[str, Any]) -> list[str]:
    margin = "  " * (len(place) - 1)
    found = keys.shape(each)
    section = bool(found.sections) and not found.many
    # What the head of the file explains (durations, sizes, paths) is not said again at every key.
    choice = not found.many and (found.choices or found.plain is int) and not found.kind
    about = f"{each.description} ({keys.allowed(each)})" if choice else each.description
    lines = [f"{margin}# {line}" for line in textwrap.wrap(about, _WIDTH - len(margin) - 2, break_on_hyphens=False)]
    if section:
        return [*lines, f"{margin}{place[-1]}:", *_section(place, found.sections[0], values)]
    value = values.get(".".join(place), keys.default(each))
    lines.append(f"{margin}{place[-1]}: {inline(value)}")
    example = _EXAMPLES.get(place[-1])
    if example:
        lines += [f"#{line}" for line in entry(example, 1)]
    return lines


def _section(place: tuple[str, ...], section: type[Section], values: dict[str, Any]) -> list[str]:
    return [line for key, each in keys.keys(section).items() for line in _key((*place, key), each, values)]
