"""A transaction that changes very many prompts announces that once, not for each of them."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TRIGGERS = {
    "announce_prompt": "prompts",
    "announce_label": "prompt_labels",
    "announce_branch": "prompt_branches",
}
_TRIGGER = """
CREATE OR REPLACE TRIGGER {name} AFTER INSERT OR UPDATE OR DELETE ON {table}
FOR EACH ROW {condition} EXECUTE FUNCTION promptstack_{name}()
"""
_LOUD = "WHEN (current_setting('promptstack.quiet', true) IS DISTINCT FROM 'on')"


def upgrade() -> None:
    _create(_LOUD)


def downgrade() -> None:
    _create("")


def _create(condition: str) -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    for name, table in _TRIGGERS.items():
        op.execute(_TRIGGER.format(name=name, table=table, condition=condition))
