"""A renamed prompt's former names keep leading to it, and nobody else can take them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# The primary key decides, also between writers that don't see each other yet: of two, the second
# waits for the first, and then finds the name taken.
KEEP_NAME = """
CREATE FUNCTION promptstack_keep_name() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO prompt_names (name, prompt_id) VALUES (NEW.name, NEW.id)
  ON CONFLICT (name) DO NOTHING;
  IF NOT EXISTS (SELECT FROM prompt_names WHERE name = NEW.name AND prompt_id = NEW.id) THEN
    RAISE EXCEPTION 'a former name of another prompt' USING ERRCODE = 'unique_violation',
      CONSTRAINT = 'pk_prompt_names', DETAIL = format('Key (name)=(%s) is taken.', NEW.name);
  END IF;
  RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.create_table(
        "prompt_names",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("prompt_id", postgresql.UUID(as_uuid=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_prompt_names"),
        sa.ForeignKeyConstraint(
            ["prompt_id"], ["prompts.id"], ondelete="CASCADE", name="fk_prompt_names_prompt_id"
        ),
    )
    op.create_index("ix_prompt_names_prompt_id", "prompt_names", ["prompt_id"])
    op.execute("INSERT INTO prompt_names (name, prompt_id) SELECT name, id FROM prompts")
    op.execute(KEEP_NAME.replace(":", "\\:"))
    op.execute(
        """CREATE TRIGGER keep_name AFTER INSERT OR UPDATE OF name ON prompts
           FOR EACH ROW EXECUTE FUNCTION promptstack_keep_name()"""
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.execute("DROP TRIGGER keep_name ON prompts")
    op.execute("DROP FUNCTION promptstack_keep_name()")
    op.drop_table("prompt_names")
