"""The kinds of value a setting can have: how each is read, checked, written and described."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, SecretStr, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from gitferry.config import cron, message_template, paths, units

FAULT = "gitferry"  # the error type whose message is already in our words

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value is to a person (`allowed`), and how it is written in a settings file.

    A `private` value is never repeated in a message, because it may hold a password.
    """

    allowed: str
    write: Callable[[Any], str] = str
    private: bool = False


@dataclass(frozen=True, slots=True)
class Home:
    """The validation context: where `~` and relative paths lead. Absent, paths are left as written."""

    home: Path | None
    directory: Path | None


def fault(message: str, at: tuple[str, ...] = (), **context: object) -> PydanticCustomError:
    """Return an error for a validator to raise; `at` names the key below the value that is meant."""
    return PydanticCustomError(FAULT, "{message}", {"message": message, "at": at, **context})


def _read(parse: Callable[[str], object]) -> BeforeValidator:
    def read(value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return parse(value)
        except ValueError as error:
            raise fault(str(error), kind=True) from error

    return BeforeValidator(read)


def _text(pattern: str, otherwise: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if re.fullmatch(pattern, text) is None:
            raise ValueError(otherwise)
        return text

    return parse


def _path(value: object, info: ValidationInfo) -> object:
    if not isinstance(value, str):
        return value
    known = info.context if isinstance(info.context, Home) else Home(None, None)
    try:
        return paths.expand(value, known.home, known.directory)
    except ValueError as error:
        raise fault(str(error), kind=True) from error


def _tilde(value: object, info: ValidationInfo) -> object:
    if isinstance(value, str) and isinstance(info.context, Home) and value.startswith("~/"):
        return str(paths.expand(value, info.context.home, None))
    return value


def _remote(text: str) -> str:
    # The transport decides what it can serve; here only what no transport could be given safely.
    if not text.strip():
        raise ValueError("is empty")
    if _CONTROL.search(text):
        raise ValueError("holds a control character")
    if text.startswith("-"):
        raise ValueError("begins with a dash")
    return text


def _branch(text: str) -> str:
    # git-check-ref-format(1)
    parts = text.split("/")
    bad = (
        re.search(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{", text)
        or text in ("", "@", "HEAD")
        or text.startswith("-")
        or text.endswith(".")
        or any(not part or part.startswith(".") or part.endswith(".lock") for part in parts)
    )
    if bad:
        raise ValueError("is no name git takes for a branch")
    return text


def _glob(text: str) -> str:
    parts = text.split("/")
    if not text or text.startswith("/") or ".." in parts or _CONTROL.search(text):
        raise ValueError("is no pattern below the working tree")
    return text


def _manifest(text: str) -> str:
    if "/" in text or not text.endswith((".json", ".yaml", ".yml")) or _CONTROL.search(text):
        raise ValueError("is no name of a manifest")
    return text


def _database(text: str) -> str:
    scheme, found, rest = text.partition("://")
    if not found or not rest.strip("/") or scheme.partition("+")[0] not in ("sqlite", "postgresql"):
        raise ValueError("is no database gitferry knows")
    if scheme.startswith("sqlite") and not rest.startswith("/"):
        raise ValueError("is no database gitferry knows")
    return text


def _web(text: str) -> str:
    if re.fullmatch(r"https?://[^\s/]+\S*", text) is None:
        raise ValueError("is no web address")
    return text


def webhook_key(text: str) -> bytes:
    """Return the key that a webhook's secret stands for. Raises ValueError with a message for a person.

    Behind `whsec_` it is in base64 (the Standard Webhooks specification, "Signature scheme"); any other text is the
    key itself.
    """
    if not text.startswith("whsec_"):
        return text.encode()
    try:
        key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if not 24 <= len(key) <= 64:
        raise ValueError("is no secret of that form")
    return key


def _webhook_secret(secret: SecretStr) -> SecretStr:
    try:
        webhook_key(secret.get_secret_value())
    except ValueError as error:
        raise fault(str(error), kind=True) from error
    return secret


def _filled(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty")
    return text


def _message(text: str) -> str:
    message_template.check(_filled(text))
    return text


def _schema(pattern: str, example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": [example]})


Duration = Annotated[
    float,
    _read(units.read_duration),
    _schema(units.DURATION_PATTERN, "5m"),
    Kind("a duration such as 300ms, 90s, 5m, 1h or 30d", units.write_duration),
]
Size = Annotated[
    int,
    _read(units.read_size),
    _schema(units.SIZE_PATTERN, "10MiB"),
    Kind("a size such as 512KiB or 10MiB", units.write_size),
]
Percent = Annotated[
    float,
    _read(units.read_percent),
    _schema(units.PERCENT_PATTERN, "10%"),
    Kind("a percentage such as 10%", units.write_percent),
]
CronLine = Annotated[
    str, _read(cron.check_cron), Kind("a cron line: minute hour day month weekday, such as */15 8-18 * * mon-fri")
]
UserPath = Annotated[
    Path,
    BeforeValidator(_path),
    WithJsonSchema({"type": "string"}),
    Kind("a path; ~ is the home directory, a relative path starts at the settings file"),
]
TreePath = Annotated[
    str,
    BeforeValidator(_tilde),
    _read(_filled),
    Kind("a path; a relative one starts at the working tree"),
]
Name = Annotated[
    str,
    _read(_text(r"\w[\w.-]{0,99}", "is no name")),
    Kind("a name: up to 100 letters, digits, dots, dashes and underscores, the first a letter or digit"),
]
Branch = Annotated[str, _read(_branch), Kind("a branch's name, without refs/heads/")]
Remote = Annotated[
    str,
    BeforeValidator(_tilde),
    _read(_remote),
    Kind("a git url: https://…, ssh://…, user@host:path, file://… or a path", private=True),
]
Glob = Annotated[str, _read(_glob), Kind("a pattern such as tasks/** or *.json, relative to the working tree")]
ManifestName = Annotated[str, _read(_manifest), Kind("a file name that ends in .json, .yaml or .yml")]
DatabaseUrl = Annotated[
    str,
    _read(_database),
    Kind("sqlite:///FILE or postgresql://USER@HOST/NAME", private=True),
]
WebUrl = Annotated[str, _read(_web), Kind("an address that begins with https:// or http://", private=True)]
WebhookSecret = Annotated[
    SecretStr,
    AfterValidator(_webhook_secret),
    Kind("whsec_ and 24 to 64 bytes in base64, or a text that is the key itself", private=True),
]
Filled = Annotated[str, _read(_filled), Kind("a text that is not empty")]
_OF_A_TASK = ", ".join(message_template.TASK_NAMES)
MessageTemplate = Annotated[
    str,
    _read(_message),
    Kind(f"a Jinja2 template that may name {', '.join(message_template.NAMES)}; each of tasks has {_OF_A_TASK}"),
]
