"""The HTTP interface as one application over the facade."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI

from gitferry.daemon.api import problems, routes
from gitferry.daemon.api.answer import Answer
from gitferry.daemon.api.host_check import HostCheck
from gitferry.daemon.api.probe_routes import probe_routes
from gitferry.daemon.control import Control
from gitferry.daemon.probes import Probes


def application(control: Control, *, version: str, crash: Callable[[BaseException, str], Path | None]) -> FastAPI:
    """Return the application whose routes ask `control`; `crash` keeps reports of our own faults.

    The OpenAPI document is at `/openapi.json`. Its pages with scripts from elsewhere are left out.
    """
    app = FastAPI(
        title="gitferry",
        version=version,
        summary="Keeps working trees and their git remotes the same, in both directions",
        docs_url=None,
        redoc_url=None,
        default_response_class=Answer,
    )
    problems.install(app, crash)
    for build in (
        lambda control: probe_routes(control.probes),
        routes.daemon_routes,
        routes.task_routes,
        routes.conflict_routes,
        routes.push_routes,
        routes.repository_routes,
        routes.house_routes,
        routes.wish_routes,
        routes.operation_routes,
        routes.vault_routes,
        routes.audit_routes,
    ):
        app.include_router(build(control))
    return app


def probes_alone(
    probes: Probes, allowed: frozenset[str], crash: Callable[[BaseException, str], Path | None]
) -> FastAPI:
    """Return the application for TCP: three routes that only read, for requests that name an `allowed` host."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, default_response_class=Answer)
    problems.install(app, crash)
    app.include_router(probe_routes(probes))
    app.add_middleware(HostCheck, allowed=allowed)
    return app
