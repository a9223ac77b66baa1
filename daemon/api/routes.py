"""The routes of the HTTP interface: each asks the facade one thing and answers with what it said."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query

from gitferry.daemon import rows
from gitferry.daemon.api import wishes
from gitferry.daemon.api.pages import page
from gitferry.daemon.control import Control

Row = dict[str, Any]
Limit = Annotated[int | None, Query(ge=1, le=10_000)]


def daemon_routes(control: Control) -> APIRouter:
    """Return the routes that tell of the whole, from memory. They wait for nothing."""
    router = APIRouter(tags=["daemon"])

    @router.get("/api/v1/daemon")
    async def daemon() -> Row:
        """The daemon's own state."""
        return control.daemon()

    @router.get("/api/v1/alerts")
    async def alerts(repository: str | None = None) -> Row:
        """What needs a person, the oldest first."""
        return control.alerts(repository)

    @router.get("/api/v1/status")
    async def status(repository: str | None = None) -> Row:
        """The daemon and every repository, from memory."""
        return control.status(repository)

    return router


def task_routes(control: Control) -> APIRouter:
    """Return the routes that tell of tasks."""
    router = APIRouter(prefix="/api/v1", tags=["tasks"])

    @router.get("/tasks")
    def tasks(repository: str | None = None, limit: Limit = None, cursor: str | None = None) -> Row:
        """Every task with its push status."""
        return page(control.tasks(repository), "tasks", limit, cursor)

    @router.get("/tasks/modified")
    def modified(repository: str | None = None, limit: Limit = None, cursor: str | None = None) -> Row:
        """The tasks that differ from the remote."""
        return page(control.tasks(repository, modified=True), "tasks", limit, cursor)

    @router.get("/tasks/{task_id}")
    def task(task_id: str) -> Row:
        """One task, by id or name."""
        return control.task(task_id)

    @router.get("/tasks/{task_id}/diff")
    def task_diff(task_id: str, remote: bool = False) -> Row:
        """One task's difference from the base: in the working tree, or (`remote`) at the remote."""
        return control.diff(task_id, remote)

    @router.get("/diff")
    def diff(task: str, remote: bool = False) -> Row:
        """The same for a task named by path."""
        return control.diff(task, remote)

    return router


def conflict_routes(control: Control) -> APIRouter:
    """Return the routes about tasks that both sides changed, and answering them."""
    router = APIRouter(prefix="/api/v1", tags=["conflicts"])

    @router.get("/conflicts")
    def conflicts(repository: str | None = None, limit: Limit = None, cursor: str | None = None) -> Row:
        """The tasks that both sides changed."""
        return page(control.conflicts(repository), "conflicts", limit, cursor)

    @router.get("/conflicts/{conflict_id:path}")
    def conflict(conflict_id: str) -> Row:
        """One of them with all its versions, contents in base64."""
        return control.conflict(conflict_id)

    @router.post("/conflicts/{conflict_id:path}/resolve")
    def resolve(conflict_id: str, wish: wishes.Resolve) -> Row:
        """Answer one of them with one version, and wait for the result."""
        files = {path: given.file() if given else None for path, given in wish.files.items()}
        return control.resolve(conflict_id, wish.take.value, wish.version, files)

    return router


def push_routes(control: Control) -> APIRouter:
    """Return the routes about the tasks' way back to the registry."""
    router = APIRouter(prefix="/api/v1", tags=["push"])

    @router.post("/tasks/{task_id}/push-back")
    def push_back(task_id: str, wish: Annotated[wishes.PushOne, Body()] = wishes.PushOne()) -> Row:  # noqa: B008 - frozen
        """Push one task now and wait for the result."""
        pushed = control.push([task_id], message=wish.message, strategy=wish.strategy)
        return rows.push_back(pushed, control.task(task_id))

    @router.post("/registry/push")
    def push(wish: wishes.Push) -> Row:
        """Push the named tasks, or all that wait, and wait for the results; or tell what would be pushed."""
        return control.push(wish.tasks, wish.all, wish.message, wish.dry_run, wish.strategy)

    @router.post("/registry/approve")
    def approve(wish: wishes.Approve) -> Row:
        """Approve the changes of tasks, which pushes them, or reject them, and wait for the results."""
        return control.approve(wish.tasks, wish.granted, wish.version)

    @router.post("/registry/prune")
    def prune(wish: wishes.Prune) -> Row:
        """Delete the review branches that are over at the remotes, or name them."""
        return control.prune(wish.repository, wish.dry_run)

    @router.post("/registry/push-all-pending")
    def push_all_pending(wish: Annotated[wishes.Message, Body()] = wishes.Message()) -> Row:  # noqa: B008 - frozen
        """Push all that waits, and wait for the results."""
        return control.push([], all=True, message=wish.message)

    @router.get("/registry/push-status")
    def push_status(repository: str | None = None) -> Row:
        """How many tasks have each push status, and the tasks."""
        return control.push_status(repository)

    return router


def repository_routes(control: Control) -> APIRouter:
    """Return the routes about repositories: looking, crossing, pausing."""
    router = APIRouter(prefix="/api/v1", tags=["repositories"])

    @router.get("/repositories")
    async def repositories() -> Row:
        """One row a repository."""
        return {"repositories": control.status()["repositories"]}

    @router.get("/repositories/{name}")
    async def repository(name: str) -> Row:
        """One repository."""
        found: Row = control.status(name)["repositories"][0]
        return found

    @router.post("/repositories/{name}/sync")
    def sync_one(name: str) -> Row:
        """Cross one repository in both directions and wait for the result."""
        return control.sync([name])

    @router.post("/repositories/{name}/pull")
    def pull_one(name: str) -> Row:
        """Take in what the remote of one repository has, and wait for the result."""
        return control.pull([name])

    @router.post("/repositories/{name}/pause")
    def pause_one(name: str, wish: Annotated[wishes.PauseOne, Body()] = wishes.PauseOne()) -> Row:  # noqa: B008 - frozen
        """Let one repository cross no more by itself."""
        return control.pause(name, wish.seconds)

    @router.post("/repositories/{name}/resume")
    def resume_one(name: str) -> Row:
        """Let one repository cross again."""
        return control.resume(name)

    return router


def house_routes(control: Control) -> APIRouter:
    """Return the routes that cross several repositories at once."""
    router = APIRouter(prefix="/api/v1", tags=["repositories"])

    @router.post("/sync")
    def sync(wish: wishes.Repositories) -> Row:
        """Cross repositories in both directions and wait for the results."""
        return control.sync(wish.repositories)

    @router.post("/pull")
    def pull(wish: wishes.Repositories) -> Row:
        """Take in what the remotes have, and wait for the results."""
        return control.pull(wish.repositories)

    return router


def wish_routes(control: Control) -> APIRouter:
    """Return the routes by which people say what gitferry shall do from now on."""
    router = APIRouter(prefix="/api/v1", tags=["repositories"])

    @router.post("/pause")
    def pause(wish: wishes.Pause) -> Row:
        """Let one repository or all cross no more by themselves."""
        return control.pause(wish.repository, wish.seconds)

    @router.post("/resume")
    def resume(wish: wishes.Resume) -> Row:
        """Let one repository or all cross again."""
        return control.resume(wish.repository)

    @router.post("/survey")
    def survey(wish: wishes.Survey) -> Row:
        """What `add` shows of a working tree before it is registered."""
        return control.survey_for_add(wish.path, wish.branch, wish.credential)

    @router.post("/hold")
    def hold(wish: wishes.Hold) -> Row:
        """Let the first pushes of a working tree wait."""
        return control.hold(wish.path, wish.branch)

    @router.post("/release")
    def release(wish: wishes.Hold) -> Row:
        """Undo a hold."""
        return control.release(wish.path, wish.branch)

    @router.post("/reload")
    def reload() -> Row:
        """Read the settings again; what differs is started, changed and stopped."""
        return control.reload()

    @router.get("/names")
    def names() -> Row:
        """The names of repositories and tasks, for completion."""
        return control.names()

    return router


def vault_routes(control: Control) -> APIRouter:
    """Return the routes about the vault of this process. No credential leaves it by them."""
    router = APIRouter(prefix="/api/v1/vault", tags=["vault"])

    @router.get("")
    def vault() -> Row:
        """How the vault stands."""
        return control.vault()

    @router.post("/unlock")
    def unlock(wish: wishes.Unlock) -> Row:
        """Open it with its passphrase, for as long as the daemon runs."""
        return control.unlock(wish.passphrase.get_secret_value())

    @router.post("/try")
    def try_credential(wish: wishes.Try) -> Row:
        """Sync the repositories that sign in with this credential, or with any: it has another secret now."""
        return control.try_credential(wish.credential)

    @router.post("/lock")
    def lock() -> Row:
        """Forget its key; one that does not come from a passphrase is fetched again when it is needed."""
        return control.lock()

    return router


def operation_routes(control: Control) -> APIRouter:
    """Return the routes about what was done, and undoing it."""
    router = APIRouter(prefix="/api/v1/operations", tags=["operations"])

    @router.get("")
    def operations(repository: str | None = None, limit: Limit = 50, cursor: str | None = None) -> Row:
        """Operations, newest first."""
        return page(control.log(repository, limit=None), "operations", limit, cursor)

    @router.get("/{operation}")
    def operation(operation: str) -> Row:
        """One operation with its files; the beginning of the id is enough."""
        return control.show(operation)

    @router.post("/{operation}/undo")
    def undo(operation: str) -> Row:
        """Undo one operation and wait for the result."""
        return control.undo(operation)

    return router


def audit_routes(control: Control) -> APIRouter:
    """Return the routes that tell what was done, by whom, and whether that is still as it was written."""
    router = APIRouter(prefix="/api/v1/audit-logs", tags=["audit"])

    @router.get("")
    def audit(wish: Annotated[wishes.Audit, Query()]) -> Row:
        """Records, newest first."""
        return control.audit(wish.model_dump(exclude={"limit"}), wish.limit)

    @router.get("/verification")
    def verification() -> Row:
        """Whether the log is as it was written, and what was done to it where it is not."""
        return control.audit_verify()

    return router
