"""The versions of the tables. `HEAD` is the last one, told here so that a current database needs no Alembic."""

HEAD = "0004"
