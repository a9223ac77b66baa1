"""Brings a database to this version's tables, whoever else opens it at the same moment."""

from __future__ import annotations

import threading
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from gitferry.store.faults import ForeignStore, NewerStore, OutdatedStore, place, translated
from gitferry.store.migrations import HEAD
from gitferry.store.models import Base

# Alembic's `op` and `context` are process-wide, so two threads must not migrate at once.
_one_at_a_time = threading.Lock()
_ADVISORY_KEY = 0x6769746665727279  # "gitferry"


def migrate(engine: Engine) -> None:
    """Create or upgrade the tables in one transaction; do nothing where they are current.

    Raises NewerStore: a later gitferry made them; ForeignStore: they are someone else's; OutdatedStore: they are not
    what their version says; StoreError.
    """
    with translated(engine.url):
        with engine.connect() as connection:
            if _version(connection) == HEAD:
                _require_columns(connection)
                return
        with _one_at_a_time, engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_KEY})
            found = _version(connection)
            if found != HEAD:
                _upgrade(connection, found)


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


def _upgrade(connection: Connection, found: str | None) -> None:
    # Imported late: a current database, the usual case, needs no Alembic.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise NewerStore(
            f"the database {place(connection.engine.url)} is of version {found}, made by a later gitferry "
            f"(this one knows up to {HEAD})",
            "update gitferry, or move the database aside: all but credentials is rebuilt from the repositories",
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
