"""Failures as HTTP tells them: problem documents (RFC 9457) that say what to do and nothing of our inside."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from gitferry.config.errors import GitferryError
from gitferry.daemon.address import AmbiguousOperation, AmbiguousTask, UnknownOperation, UnknownTask
from gitferry.daemon.api.answer import Answer
from gitferry.daemon.lanes import NoLane, Stopping
from gitferry.daemon.resolving import ChangedSince, Joined, NoCleanMerge, NotInConflict
from gitferry.daemon.roster import UnknownRepository
from gitferry.security.redact import redacted_row

_STATUS: dict[type[GitferryError], HTTPStatus] = {
    UnknownRepository: HTTPStatus.NOT_FOUND,
    NoLane: HTTPStatus.NOT_FOUND,
    UnknownTask: HTTPStatus.NOT_FOUND,
    UnknownOperation: HTTPStatus.NOT_FOUND,
    AmbiguousTask: HTTPStatus.CONFLICT,
    AmbiguousOperation: HTTPStatus.CONFLICT,
    NotInConflict: HTTPStatus.CONFLICT,
    NoCleanMerge: HTTPStatus.CONFLICT,
    ChangedSince: HTTPStatus.CONFLICT,
    Joined: HTTPStatus.CONFLICT,
    Stopping: HTTPStatus.SERVICE_UNAVAILABLE,
}


def problem(status: int, title: str, detail: str = "", **members: Any) -> Answer:
    """Return a problem document. `detail` is the remedy, as a person reads it after the title."""
    told = redacted_row({"title": title, "detail": detail, **members})
    body = {"type": "about:blank", "status": status, **told}
    return Answer(body, status_code=status, media_type="application/problem+json")


def install(app: FastAPI, crash: Callable[[BaseException, str], Path | None]) -> None:
    """Have `app` answer every failure with a problem document; `crash` logs and keeps our own faults."""

    def refused(request: Request, error: Exception) -> Answer:
        assert isinstance(error, GitferryError)  # noqa: S101 - what the handler is registered for
        status = next(
            (code for kind, code in _STATUS.items() if isinstance(error, kind)), HTTPStatus.UNPROCESSABLE_ENTITY
        )
        return problem(status, error.title, error.hint, exit_code=error.exit_code)

    def malformed(request: Request, error: Exception) -> Answer:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - what the handler is registered for
        faults = [{"where": ".".join(map(str, fault["loc"])), "what": fault["msg"]} for fault in error.errors()]
        said = "; ".join(f"{fault['where']}: {fault['what']}" for fault in faults)
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "the request is malformed", said, errors=faults, exit_code=2)

    def http(request: Request, error: Exception) -> Answer:
        assert isinstance(error, HTTPException)  # noqa: S101 - what the handler is registered for
        phrase = HTTPStatus(error.status_code).phrase.lower()
        return problem(
            error.status_code, f"{request.method} {request.url.path}: {phrase}", "`/openapi.json` lists the routes."
        )

    def fault(request: Request, error: Exception) -> Answer:
        report = crash(error, f"answering {request.method} {request.url.path}")
        named = f"Report {report.name} from the state directory's crashes." if report else "The log tells more."
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "a fault of gitferry", named, exit_code=3)

    app.add_exception_handler(GitferryError, refused)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, fault)
