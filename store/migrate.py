"""Brings a database to this version's tables, whoever else opens it at the same moment."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from gitferry.store.backup import back_up, kept
from gitferry.store.faults import ForeignStore, NewerStore, OutdatedStore, place, translated
from gitferry.store.migrations import HEAD
from gitferry.store.models import Base

log = logging.getLogger(__name__)

# Alembic's `op` and `context` are process-wide, so two threads must not migrate at once.
_one_at_a_time = threading.Lock()
_SCRIPTS = Path(__file__).with_name("migrations")
_ADVISORY_KEY = 0x6769746665727279  # "gitferry"


def migrate(engine: Engine) -> None:
    """Create or upgrade the tables in one transaction; do nothing where they are current.

    A SQLite file of an older version is copied first, for whoever goes back to the gitferry of then.

    Raises NewerStore: a later gitferry made them; ForeignStore: they are someone else's; OutdatedStore: they are not
    what their version says; StoreError.
    """
    with translated(engine.url):
        with engine.connect() as connection:
            older = _version(connection)
            if older == HEAD:
                _require_columns(connection)
                return
        if older is not None:
            _require_known(engine, older)
            _back_up(engine, older)
        with _one_at_a_time, engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_KEY})
            if _version(connection) != HEAD:
                _upgrade(connection)


def _version(connection: Connection) -> str | None:
    names = inspect(connection).get_table_names()
    if "alembic_version" not in names:
        if names:
            raise ForeignStore(
                f"the database {place(connection.engine.url)} holds tables that gitferry did not make ({names[0]})",
                "give database.url a file or a database of its own",
            )
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _require_columns(connection: Connection) -> None:
    found = inspect(connection)
    for table in Base.metadata.sorted_tables:
        columns = {each["name"] for each in found.get_columns(table.name)} if found.has_table(table.name) else set()
        if columns != set(table.columns.keys()):
            raise OutdatedStore(
                f"the table {table.name} of {place(connection.engine.url)} is not the one of version {HEAD}",
                "stop gitferry and move the database aside: all but credentials is rebuilt from the repositories",
            )


def _require_known(engine: Engine, version: str) -> None:
    from alembic.script import ScriptDirectory

    known = {script.revision for script in ScriptDirectory(str(_SCRIPTS)).walk_revisions()}
    if version not in known:
        copies = [copy for copy in kept(engine.url) if copy.suffix.removeprefix(".version-") in known]
        back = f"put {copies[-1]}, from before that, in its place" if copies else "move the database aside"
        raise NewerStore(
            f"the database {place(engine.url)} is of version {version}, made by a later gitferry "
            f"(this one knows up to {HEAD})",
            f"update gitferry, or {back}: all but credentials is rebuilt from the repositories",
        )


def _back_up(engine: Engine, version: str) -> None:
    with _one_at_a_time:
        copy = back_up(engine.url, version)
    if copy is not None:
        said = "the database is brought from version %s to %s; as it was it is kept as %s"
        log.info(said, version, HEAD, copy, extra={"action": "store_upgrade", "copy": str(copy)})


def _upgrade(connection: Connection) -> None:
    # Imported late: a current database, the usual case, needs no Alembic.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
