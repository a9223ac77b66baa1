"""The first tables: repositories and tasks."""

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


def downgrade() -> None:
    """Remove them; what they held is rebuilt from the repositories."""
    for table in ("tasks", "repositories"):
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
        sa.Column("known_path", GitText()),
        sa.Column("known_device", GitText()),
        sa.Column("known_inode", GitText()),
        sa.Column("known_url", GitText()),
        sa.PrimaryKeyConstraint("name", name="pk_repositories"),
    )


def _tasks() -> None:
    op.create_table(
        "tasks",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("repository", sa.String(255), nullable=False),
        sa.Column("name", GitText(), nullable=False),
        sa.Column("push_status", sa.String(32), nullable=False),
        sa.Column("last_registry_sync", Instant()),
        sa.Column("commit", GitText()),
        sa.Column("pull_request_url", GitText()),
        sa.PrimaryKeyConstraint("id", name="pk_tasks"),
        sa.ForeignKeyConstraint(
            ["repository"], ["repositories.name"], name="fk_tasks_repository_repositories", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_tasks_repository", "tasks", ["repository"])
