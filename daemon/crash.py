"""Crash files: what is kept of an exception that nobody expected, so that it can be reported."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path


def write(error: BaseException, state_dir: Path, doing: str) -> Path:
    """Write a report below `state_dir`, both for their owner only, and return where it is.

    One distinct traceback has one file, so that a fault that repeats does not fill the disk. Local values
    are left out, and what looks like a credential in messages is masked. Raises OSError where nothing can be written.
    """
    from gitferry.security.redact import redact

    frames = traceback.extract_tb(error.__traceback__)
    identity = "\n".join(f"{frame.filename}:{frame.lineno}" for frame in frames) + type(error).__name__
    name = f"crash-{hashlib.sha256(identity.encode()).hexdigest()[:12]}.txt"
    directory = state_dir / "crashes"
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)  # `parents` gives this mode to the last one only
    directory.mkdir(mode=0o700, exist_ok=True)
    text = "\n".join(
        [
            f"gitferry {version()} on Python {sys.version.split()[0]}, {platform.platform()}",
            f"at {datetime.now(UTC).isoformat(timespec='seconds')}",
            f"while {doing}",
            "",
            *traceback.format_exception(error),
        ]
    )
    target = directory / name
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(redact(text))
    return target


def version() -> str:
    """Return gitferry's version, "unknown" where it runs uninstalled."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("gitferry")
    except PackageNotFoundError:
        return "unknown"
