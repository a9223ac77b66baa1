"""The first tables: repositories, tasks, operations and what they did to each task."""

import sqlalchemy as sa
from alembic import op

from gitferry.store.columns import GitText, Instant, TextList

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    _repositories()
    _tasks()
    _operations()


def downgrade() -> None:
    """Remove them; what they held is rebuilt from the repositories."""
    for table in ("operation_tasks", "operations", "tasks", "repositories"):
        op.drop_table(table)


def _repositories() -> None:
    op.create_table(
        "repositories",
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("branch", GitText()),
        sa.Column("head", GitText()),
        sa.Column("upstream", GitText()),
        sa.Column("ahead", sa.Integer(), nullable=False),
        sa.Column("behind", sa.Integer(), nullable=False),
        sa.Column("pending", sa.Integer(), nullable=False),
        sa.Column("conflicts", sa.Integer(), nullable=False),
        sa.Column("waiting_for", GitText()),
        sa.Column("last_error", GitText()),
        sa.Column("hint", GitText()),
        sa.Column("offline", sa.Boolean(), nullable=False),
        sa.Column("notes", TextList(), nullable=False),
        sa.Column("last_crossing_at", Instant()),
        sa.Column("first_branch", GitText()),
        sa.Column("known_path", GitText()),
        sa.Column("known_device", GitText()),
        sa.Column("known_inode", GitText()),
        sa.PrimaryKeyConstraint("name", name="pk_repositories"),
    )


def _tasks() -> None:
    op.create_table(
        "tasks",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("repository", sa.String(255), nullable=False),
        sa.Column("name", GitText(), nullable=False),
        sa.Column("path", GitText(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("version", GitText()),
        sa.Column("push_status", sa.String(32), nullable=False),
        sa.Column("reason", GitText()),
        sa.Column("modified", sa.Boolean(), nullable=False),
        sa.Column("local_modification_time", Instant()),
        sa.Column("last_registry_sync", Instant()),
        sa.Column("commit", GitText()),
        sa.Column("pull_request_url", GitText()),
        sa.PrimaryKeyConstraint("id", name="pk_tasks"),
        sa.ForeignKeyConstraint(
            ["repository"], ["repositories.name"], name="fk_tasks_repository_repositories", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_tasks_repository_tasks_name", "tasks", ["repository", "name"])
    op.create_index("ix_tasks_push_status", "tasks", ["push_status"])


def _operations() -> None:
    op.create_table(
        "operations",
        sa.Column("repository", sa.String(255), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("cause", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("host", GitText(), nullable=False),
        sa.Column("user", GitText(), nullable=False),
        sa.Column("commits", TextList(), nullable=False),
        sa.Column("head_before", GitText()),
        sa.Column("head_after", GitText()),
        sa.Column("upstream_before", GitText()),
        sa.Column("upstream_after", GitText()),
        sa.Column("undoable", sa.Boolean(), nullable=False),
        sa.Column("undoes", GitText()),
        sa.PrimaryKeyConstraint("repository", "id", name="pk_operations"),
        sa.ForeignKeyConstraint(
            ["repository"], ["repositories.name"], name="fk_operations_repository_repositories", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_operations_repository_operations_at", "operations", ["repository", "at"])
    op.create_index("ix_operations_id", "operations", ["id"])
    op.create_table(
        "operation_tasks",
        sa.Column("repository", sa.String(255), nullable=False),
        sa.Column("operation", sa.String(64), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("task", sa.String(64), nullable=False),
        sa.Column("name", GitText(), nullable=False),
        sa.Column("path", GitText(), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("files", TextList(), nullable=False),
        sa.PrimaryKeyConstraint("repository", "operation", "position", name="pk_operation_tasks"),
        sa.ForeignKeyConstraint(
            ["repository", "operation"],
            ["operations.repository", "operations.id"],
            name="fk_operation_tasks_repository_operation_operations",
            ondelete="CASCADE",
        ),
    )
