"""The routes that service managers and monitors ask: alive, ready, and the figures. They only read."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from gitferry.daemon.api.answer import Answer
from gitferry.daemon.metrics import CONTENT_TYPE
from gitferry.daemon.probes import Probes
from gitferry.daemon.rows import Row

_OTHERWISE: dict[int | str, dict[str, Any]] = {503: {"description": "It is not; the body says how far it is."}}


def probe_routes(probes: Probes) -> APIRouter:
    """Return the routes. They wait for nothing, so that they answer while crossings hang."""
    router = APIRouter(tags=["health"])

    @router.get("/health", responses=_OTHERWISE)
    async def health() -> Answer:
        """The process is alive and goes on with its work."""
        return _answer(probes.live(), "ok")

    @router.get("/ready", responses=_OTHERWISE)
    async def ready() -> Answer:
        """Every repository is watched and its first crossing asked for; how many there are, and are well."""
        return _answer(probes.ready(), "ready")

    @router.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """The figures, in Prometheus' text format."""
        return Response(probes.metrics(), headers={"content-type": CONTENT_TYPE})

    return router


def _answer(row: Row, well: str) -> Answer:
    status = HTTPStatus.OK if row["status"] == well else HTTPStatus.SERVICE_UNAVAILABLE
    return Answer(row, status_code=status)
