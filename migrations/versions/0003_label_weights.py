"""A label may split its reads among versions; every move may have a reason."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.add_column("label_history", sa.Column("weights", pg.JSONB()))
    op.add_column("label_history", sa.Column("reason", sa.Text()))
    op.create_table(
        "label_weights",
        sa.Column("prompt_id", pg.UUID(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("prompt_id", "label", "version", name="pk_label_weights"),
        sa.ForeignKeyConstraint(
            ["prompt_id", "label"], ["prompt_labels.prompt_id", "prompt_labels.label"],
            name="fk_label_weights_prompt_id_label", ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["prompt_id", "version"], ["prompt_versions.prompt_id", "prompt_versions.version"],
            name="fk_label_weights_prompt_id_version",
        ),
        sa.CheckConstraint("weight > 0", name="ck_label_weights_weight"),
    )  # fmt: skip


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.drop_table("label_weights")
    op.drop_column("label_history", "reason")
    op.drop_column("label_history", "weights")
