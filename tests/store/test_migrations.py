"""The migrations make exactly the tables that the models describe."""

from __future__ import annotations

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

import gitferry.store
from gitferry.store.engine import open_engine
from gitferry.store.migrate import migrate
from gitferry.store.migrations import HEAD
from gitferry.store.models import Base


def test_models_and_migrations_agree(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'gitferry.db'}")
    migrate(engine)
    migrate(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []
        for table in Base.metadata.tables.values():
            named = {key["name"] for key in inspect(connection).get_foreign_keys(table.name)}
            assert named == {key.name for key in table.foreign_key_constraints}
    engine.dispose()


def test_the_head_told_in_code_is_the_last_migration() -> None:
    (room,) = gitferry.store.__path__
    assert ScriptDirectory(str(Path(room) / "migrations")).get_heads() == [HEAD]
