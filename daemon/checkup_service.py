"""What doctor looks at around the daemon: settings, whether it runs, its unit, lingering, and the ssh agent."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitferry.config.errors import GitferryError
from gitferry.daemon.finding import Check, fail, failed, ok, warn

if TYPE_CHECKING:
    from gitferry.config.model import Settings
    from gitferry.daemon.systemctl import Manager
    from gitferry.daemon.unit import Scope


def settings(path: Path, environ: Mapping[str, str]) -> tuple[Settings | None, list[Check]]:
    """Return the settings, None where they cannot be read, and what is to say of them."""
    from gitferry.config.load import load
    from gitferry.config.not_yet import asked

    try:
        found = load(path, environ)
    except GitferryError as error:
        return None, [failed("settings", error)]
    count = len(found.repositories)
    checks = [ok("settings", f"{path}, {count} repositor{'y' if count == 1 else 'ies'}")]
    if not count:
        checks = [warn("settings", f"{path} has no repository", "`gitferry add PATH` adds one")]
    secret = any(each.auth is not None and each.auth.type in ("git_token", "basic") for each in found.repositories)
    if secret and stat.S_IMODE(path.stat().st_mode) & 0o077:
        checks.append(warn("settings", f"{path} has credentials, and other users can read it", f"chmod 600 {path}"))
    checks += [warn("settings", each.said, each.setting.remedy) for each in asked(found)]
    return found, checks


def daemon(answer: Mapping[str, Any] | None, version: str, told: Collection[str] = (), scope: Scope = "user") -> Check:
    """Return whether the daemon runs; `answer` is its own part of `status`, None where nobody answers.

    What it says is told but for what was `told` already; `scope` is whose service it would be.
    """
    option = "--user " if scope == "user" else ""
    if answer is None:
        return warn(
            "daemon", "it is not running: nothing travels by itself", "gitferry service install, or gitferry run"
        )
    if answer["settings_error"]:
        return fail(
            "daemon",
            "it runs by its last good settings, as those in the file have a fault",
            "`gitferry config validate` names it",
        )
    if answer["version"] != version:
        return warn(
            "daemon",
            f"it runs version {answer['version']}, and this is {version}",
            f"restart it: systemctl {option}restart gitferry",
        )
    notes = [note for note in answer["notes"] if note not in told]
    if notes:
        return warn("daemon", f"it runs, and says: {notes[0]}", f"its log tells more: journalctl {option}-u gitferry")
    return ok("daemon", f"version {version} runs, process {answer['pid']}")


def notifications(answer: Mapping[str, Any] | None) -> Iterator[Check]:
    """Yield who is told of what needs a person, and who cannot be; nothing where no daemon answers."""
    for each in (answer or {}).get("notifications", ()):
        if each["fault"] is None:
            yield ok("notifications", f"{each['to']} is told of what needs you")
        else:
            yield warn(
                "notifications",
                f"{each['to']} could not be told: {each['fault']}",
                each["hint"] or "it is tried again by itself, for a day",
            )


def unit(environ: Mapping[str, str]) -> Iterator[Check]:
    """Yield how the systemd units stand, and whether the user's one outlives the session."""
    from gitferry.daemon import systemctl
    from gitferry.daemon.unit import install_command, installed, place, written
    from gitferry.daemon.unit_seal import Writing

    seen = False
    scopes: tuple[Scope, Scope] = ("user", "system")
    for scope in scopes:
        path = place(scope, environ)
        try:
            text = installed(path)
        except GitferryError as error:
            yield warn("unit", error.title, error.hint)
            seen = True
            continue
        if text is None:
            continue
        seen = True
        yield _unit(path, text, systemctl.Manager(scope, environ))
        if written(text) is Writing.OLDER:
            what = f"another version of gitferry wrote {path}: this one writes it differently"
            yield warn("unit", what, install_command(scope, text))
        if scope == "user" and not systemctl.lingers(user := systemctl.user_name()):
            yield warn(
                "linger",
                f"the service runs only while {user} is logged in: it stops when the last session ends, and starts with"
                " the next one",
                f"loginctl enable-linger {user}",
            )
    if not seen:
        yield warn("unit", "none is installed: nothing starts the daemon by itself", "gitferry service install")


def agent(environ: Mapping[str, str], *, ssh: bool) -> Check | None:
    """Return whether the service can reach an ssh agent that the shell has; None where that is no question."""
    from gitferry.daemon.systemctl import Manager
    from gitferry.daemon.unit import installed, place

    if not ssh or not environ.get("SSH_AUTH_SOCK"):
        return None
    try:
        if installed(place("user", environ)) is None:
            return None
    except GitferryError:
        return None  # it is told with the unit
    given = Manager("user", environ).environment()
    if given is None or given.get("SSH_AUTH_SOCK"):
        return None
    return warn(
        "agent",
        "the service has no SSH_AUTH_SOCK, so it cannot use the keys of this shell's ssh agent",
        "systemctl --user import-environment SSH_AUTH_SOCK, then restart it: gitferry asks the user's manager for the"
        " agent; or store a key: gitferry credentials add NAME --type ssh_key",
    )


def _unit(path: Path, text: str, manager: Manager) -> Check:
    from gitferry.daemon.unit import install_command, started_by, written
    from gitferry.daemon.unit_seal import Writing

    again = manager.command("restart", "gitferry")
    install = install_command(manager.scope, text)
    started = next(iter(started_by(text)), "")
    if not os.access(started, os.X_OK):
        return fail("unit", f"{path} starts {started}, which is not there", install)
    state = manager.state()
    if state is None:
        return warn("unit", f"{path} is installed, and no systemd manager answers", "look again in a login session")
    if state.active == "failed":
        option = "--user " if manager.scope == "user" else ""
        remedy = f"journalctl {option}-u gitferry -n 20 tells why; then {again}"
        return fail("unit", f"{path} failed ({state.result})", remedy)
    if state.active != "active" or state.enabled != "enabled":
        return warn("unit", f"{path} is {state.active}, and {state.enabled or 'not enabled'}", install)
    if state.outdated:
        return warn("unit", f"{path} was changed since systemd read it", install)
    return ok("unit", f"{path} is active{', and was edited by hand' if written(text) is Writing.EDITED else ''}")
