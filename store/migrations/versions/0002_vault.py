"""The vault's tables: its keys' records, and credentials that are sealed."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "vault_keys",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("created", sa.String(32), nullable=False),
        sa.Column("proof", sa.LargeBinary(), nullable=False),
        sa.Column("forward", sa.LargeBinary()),
        sa.Column("back", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name="pk_vault_keys"),
    )
    op.create_table(
        "credentials",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("username", sa.Text()),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created", sa.String(32), nullable=False),
        sa.Column("rotated", sa.String(32), nullable=False),
        sa.Column("expires", sa.String(32)),
        sa.Column("key_id", sa.String(32), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("last_used", sa.String(32)),
        sa.PrimaryKeyConstraint("id", name="pk_credentials"),
        sa.UniqueConstraint("name", name="uq_credentials_name"),
    )


def downgrade() -> None:
    """Remove them, and with them every credential: `gitferry vault export` first."""
    for table in ("credentials", "vault_keys"):
        op.drop_table(table)
