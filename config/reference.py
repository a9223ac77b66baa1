"""docs/settings.md, made from the model: every key with what it takes, its default and what it does."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from gitferry.config import keys, not_yet
from gitferry.config.model import Defaults, Repository, Section, Settings
from gitferry.config.render import inline
from gitferry.config.template import PROFILES

_INTRODUCTION = """\
# Settings

This page is made from the settings model by `make docs`; edit the model, not the page.

The file is the one named by `--config`, else by `$GITFERRY_CONFIG`, else `$XDG_CONFIG_HOME/gitferry/config.yaml`,
else `/etc/gitferry/config.yaml`. `gitferry init` writes one with every key in it, `gitferry config validate` checks
it, `gitferry config schema` prints its JSON Schema for editors.

- Every key may be left out, but a repository needs `path` or `url`.
- A value may hold `${VAR}`, or `${VAR:-default}` for a variable that is unset or empty; `$$` is a dollar, and
  `${STATE_DIR}` is gitferry's state directory.
- `~` at the beginning of a path is the home directory; a relative path starts at the settings file's directory.
- Durations are written `300ms`, `90s`, `5m`, `1h`, `2d`; sizes `512KiB`, `10MiB`; percentages `10%`.
- A repository inherits every key of `defaults` that its own entry does not write. A list that it writes replaces the
  inherited one. Of `pull.every` and `pull.at` it inherits neither when it writes one.
- Anchors, aliases, tags and keys written twice are faults, and so are unknown keys and an empty file. A file has at
  most 1 MiB.
- Keys marked **Not acted on yet** are read and checked, and the mark says what happens instead; `gitferry status` and
  `gitferry doctor` name those that are set.
"""


def markdown() -> str:
    """Return the text of docs/settings.md."""
    lines = [*_INTRODUCTION.splitlines(), "", "## Profiles", "", "`gitferry init --profile NAME` starts from:", ""]
    for name, profile in PROFILES.items():
        differs = "; ".join(f"`{key}: {inline(value)}`" for key, value in profile.values.items())
        lines.append(f"- **{name}**: {profile.purpose}. {differs or 'The defaults'}.")
    for heading, section, about in _sections("", Settings, "Its keys:"):
        lines += ["", f"## {heading or 'The file'}", "", about, "", *_table(section, heading)]
    return "\n".join(lines) + "\n"


def _sections(place: str, section: type[Section], about: str) -> Iterator[tuple[str, type[Section], str]]:
    """Yield the section and those below it, but for what a repository inherits, each with its heading and purpose."""
    yield place, section, about
    for key, field in keys.keys(section).items():
        found = keys.shape(field)
        below = f"{place}.{key}" if place else key
        heading = f"{below}[]" if found.many else below
        if section is Repository and key in keys.keys(Defaults):
            continue
        for each in found.sections:
            tag = keys.tag(each)
            yield from _sections(f"{heading}, type {tag}" if tag else heading, each, _about(below, field))


def _table(section: type[Section], place: str) -> Iterator[str]:
    yield "| key | takes | default | what it does |"
    yield "|---|---|---|---|"
    inherits = section is Repository
    for key, field in keys.keys(section).items():
        if not (inherits and key in keys.keys(Defaults)):
            yield f"| `{key}` | {_takes(field)} | {_default(field)} | {_cell(_about(f'{place}.{key}', field))} |"
    if inherits:
        yield ""
        inherited = ", ".join(f"`{key}`" for key in keys.keys(Defaults))
        yield f"And every key of `defaults`, inherited from there: {inherited}."


def _about(key: str, field: FieldInfo) -> str:
    """Return what the key does, and what happens instead where it is not acted on yet."""
    instead = not_yet.at(key.removeprefix("."))
    said = field.description or ""
    return f"{said} **Not acted on yet**: {instead.instead}." if instead else said


def _takes(field: FieldInfo) -> str:
    found = keys.shape(field)
    if found.sections and not found.many:
        return "credential: NAME, or by type: see below" if len(found.sections) > 1 else "keys, see below"
    if found.sections:
        return "a list, see below"
    return _cell(keys.allowed(field))


def _default(field: FieldInfo) -> str:
    found = keys.shape(field)
    value = keys.default(field)
    if value is PydanticUndefined:
        return "none"
    return "" if found.sections and not found.many and value is not None else f"`{_cell(inline(value))}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
