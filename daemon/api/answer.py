"""How answers are written: JSON in ASCII, so that a file name that is not UTF-8 can stand in it."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response


class Answer(Response):
    """A JSON object. Lone surrogates (bytes of a name that is not UTF-8, PEP 383) stand as \\udcXX escapes."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return `content` as bytes."""
        return json.dumps(content, separators=(",", ":")).encode("ascii")
