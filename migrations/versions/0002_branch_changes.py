"""A branch that is created, moved or deleted is announced, even if no version is written."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ANNOUNCE_BRANCH = """
CREATE FUNCTION promptstack_announce_branch() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changed uuid := coalesce(NEW.prompt_id, OLD.prompt_id);
BEGIN
  PERFORM pg_notify('promptstack', json_build_object(
    'kind', 'version', 'name', name, 'id', id, 'listed', false)::text)
  FROM prompts WHERE id = changed;
  RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.execute(ANNOUNCE_BRANCH.replace(":", "\\:"))
    op.execute(
        """CREATE TRIGGER announce_branch AFTER INSERT OR UPDATE OR DELETE ON prompt_branches
           FOR EACH ROW EXECUTE FUNCTION promptstack_announce_branch()"""
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.execute("DROP TRIGGER announce_branch ON prompt_branches")
    op.execute("DROP FUNCTION promptstack_announce_branch()")
