"""Long lists are read in pages, in one order on every server, whatever its locale is."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.execute(
        'CREATE INDEX ix_prompts_listed ON prompts (name COLLATE "C") WHERE archived_at IS NULL'
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.drop_index("ix_prompts_listed", "prompts")
