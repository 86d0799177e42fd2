"""The includes of a version: as its texts have them, and as edges that a query can follow."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# What a point may mean to any reader: with weights there are several such versions. What the bare
# name means is among them, so that a prompt is found even where the point means nothing.
MEANT = """
CREATE FUNCTION promptstack_meant(prompt uuid, point text) RETURNS SETOF integer
LANGUAGE sql STABLE ROWS 2 AS $$
  SELECT served_version FROM prompts WHERE id = prompt
  UNION SELECT version FROM prompt_labels
    WHERE prompt_id = prompt AND label = coalesce(nullif(point, ''), 'production')
  UNION SELECT version FROM label_weights
    WHERE prompt_id = prompt AND label = coalesce(nullif(point, ''), 'production')
  UNION SELECT head FROM prompt_branches WHERE prompt_id = prompt AND branch =
    CASE WHEN point = 'latest' THEN 'main' WHEN point LIKE 'branch:%' THEN substr(point, 8) END
  UNION SELECT version FROM prompt_versions WHERE prompt_id = prompt AND version =
    CASE WHEN point ~ '^[1-9][0-9]{0,8}$' THEN point::integer END
$$
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    # Texts written before could not include anything: what looks like it stays literal in them.
    op.add_column(
        "prompt_versions",
        sa.Column(
            "includes", postgresql.ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'")
        ),
    )
    op.create_table(
        "prompt_includes",
        sa.Column("prompt_id", postgresql.UUID(as_uuid=True), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("included_id", postgresql.UUID(as_uuid=True), nullable=False),
        sa.Column("point", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint(
            "prompt_id", "version", "included_id", "point", name="pk_prompt_includes"
        ),
        sa.ForeignKeyConstraint(
            ["prompt_id", "version"],
            ["prompt_versions.prompt_id", "prompt_versions.version"],
            ondelete="CASCADE",
            name="fk_prompt_includes_prompt_id_version",
        ),
        sa.ForeignKeyConstraint(
            ["included_id"],
            ["prompts.id"],
            ondelete="CASCADE",
            name="fk_prompt_includes_included_id",
        ),
    )
    op.create_index("ix_prompt_includes_included_id", "prompt_includes", ["included_id"])
    op.execute(MEANT.replace(":", "\\:"))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.execute("DROP FUNCTION promptstack_meant(uuid, text)")
    op.drop_table("prompt_includes")
    op.drop_column("prompt_versions", "includes")
