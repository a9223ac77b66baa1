"""What needs a person, and who was told of it."""

import sqlalchemy as sa
from alembic import op

from gitferry.store.columns import GitText, Instant

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "alerts",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("repository", sa.String(255), nullable=False),
        sa.Column("subject", GitText(), nullable=False),
        sa.Column("said", GitText(), nullable=False),
        sa.Column("remedy", GitText(), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("raised", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alerts"),
    )
    op.create_table(
        "notices",
        sa.Column("alert", sa.String(32), nullable=False),
        sa.Column("target", sa.String(64), nullable=False),
        sa.Column("message", sa.String(64), nullable=False),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("alert", "target", name="pk_notices"),
        sa.ForeignKeyConstraint(["alert"], ["alerts.id"], name="fk_notices_alert_alerts", ondelete="CASCADE"),
    )


def downgrade() -> None:
    """Remove them; what still needs a person is noticed and told again."""
    for table in ("notices", "alerts"):
        op.drop_table(table)
