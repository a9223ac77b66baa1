"""Settings as they may be shown to anyone: in the file's own form, with every secret replaced."""

from __future__ import annotations

import re
from typing import Any

from gitferry.config.keys import MASK, keys, written
from gitferry.config.model import Section, Settings

# RFC 3986 section 3.2.1: user information stands between // and the last @ before the path.
_USER_INFORMATION = re.compile(r"^([a-z][a-z0-9+.-]*://)([^/?#]*)@", re.IGNORECASE)
_TOKEN_LENGTH = 20  # a lone user name as long as this, over HTTP, is a token


def shown(settings: Settings) -> dict[str, Any]:
    """Return the settings in force as texts, numbers, lists and dictionaries, secrets and urls' passwords masked."""
    return {key: _masked(value) for key, value in _plain(settings).items()}


def masked_url(url: str) -> str:
    """Return `url` with a password, or a token in the user's place, masked."""
    match = _USER_INFORMATION.match(url)
    if match is None:
        return url
    user, colon, _ = match[2].partition(":")
    if colon:
        hidden = f"{user}:{MASK}"
    elif match[1].lower().startswith("http") and len(user) >= _TOKEN_LENGTH:
        hidden = MASK
    else:
        return url
    return f"{match[1]}{hidden}@{url[match.end() :]}"


def _plain(section: Section) -> dict[str, Any]:
    values = {field.alias or name: getattr(section, name) for name, field in type(section).model_fields.items()}
    return {key: written(field, values[key]) for key, field in keys(type(section)).items()}


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: masked_url(each) if key == "url" and each else _masked(each) for key, each in value.items()}
    return [_masked(each) for each in value] if isinstance(value, list) else value
