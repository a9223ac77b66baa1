"""The audit log, and the pushes of which it does not tell yet."""

import sqlalchemy as sa
from alembic import op

from gitferry.store.columns import GitText, Instant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    _audit_records()
    _sent_pushes()


def downgrade() -> None:
    """Remove them; what `gitferry audit export` wrote is all that is left of the log then."""
    for table in ("sent_pushes", "audit_records"):
        op.drop_table(table)


def _audit_records() -> None:
    op.create_table(
        "audit_records",
        sa.Column(
            "sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("key", sa.Text()),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_audit_records"),
    )
    op.create_index("ix_audit_records_key", "audit_records", ["key"], unique=True)
    op.create_index("ix_audit_records_at", "audit_records", ["at"])


def _sent_pushes() -> None:
    op.create_table(
        "sent_pushes",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("repository", sa.String(255), nullable=False),
        sa.Column("remote", GitText(), nullable=False),
        sa.Column("branch", GitText(), nullable=False),
        sa.Column("commit", sa.String(64), nullable=False),
        sa.Column("expected", sa.String(64)),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sent_pushes"),
    )
    op.create_index("ix_sent_pushes_repository", "sent_pushes", ["repository"])
