"""Prompts, their versions, branches and labels; search; change events."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

from migrations import search_0001 as search

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SERVE = """
CREATE FUNCTION promptstack_serve() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changed uuid := coalesce(NEW.prompt_id, OLD.prompt_id);
BEGIN
  UPDATE prompts SET served_version = v.version, served_model_type = v.model_type
  FROM prompt_versions v
  WHERE id = changed AND v.prompt_id = changed AND v.version = coalesce(
      (SELECT version FROM prompt_labels WHERE prompt_id = changed AND label = 'production'),
      (SELECT head FROM prompt_branches WHERE prompt_id = changed AND branch = 'main'))
    AND (served_version, served_model_type) IS DISTINCT FROM (v.version, v.model_type);
  RETURN NULL;
END $$
"""

ANNOUNCE_PROMPT = """
CREATE FUNCTION promptstack_announce_prompt() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  listed boolean := TG_OP <> 'UPDATE';
BEGIN
  IF TG_OP = 'UPDATE' THEN
    listed := (OLD.name, OLD.title, OLD.description, OLD.folder, OLD.tags, OLD.archived_at,
               OLD.served_version)
      IS DISTINCT FROM (NEW.name, NEW.title, NEW.description, NEW.folder, NEW.tags,
               NEW.archived_at, NEW.served_version);
    IF OLD.name <> NEW.name THEN
      PERFORM pg_notify('promptstack', json_build_object(
        'kind', 'prompt', 'name', OLD.name, 'id', OLD.id, 'listed', true)::text);
    END IF;
  END IF;
  PERFORM pg_notify('promptstack', json_build_object(
    'kind', CASE WHEN TG_OP = 'UPDATE' AND OLD.archived_at IS NOT DISTINCT FROM NEW.archived_at
                 THEN 'version' ELSE 'prompt' END,
    'name', coalesce(NEW.name, OLD.name), 'id', coalesce(NEW.id, OLD.id),
    'listed', listed)::text);
  RETURN NULL;
END $$
"""

ANNOUNCE_LABEL = """
CREATE FUNCTION promptstack_announce_label() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changed uuid := coalesce(NEW.prompt_id, OLD.prompt_id);
BEGIN
  PERFORM pg_notify('promptstack', json_build_object(
    'kind', 'label', 'name', name, 'id', id, 'label', coalesce(NEW.label, OLD.label),
    'listed', true)::text)
  FROM prompts WHERE id = changed;
  RETURN NULL;
END $$
"""

# Purging a whole prompt is the one exception, and says so: SET LOCAL promptstack.purge = 'on'. What
# goes then goes by the cascade, once the prompt's own row is gone; nothing goes by itself.
REFUSE_CHANGE = """
CREATE FUNCTION promptstack_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND current_setting('promptstack.purge', true) = 'on' THEN
    IF NOT EXISTS (SELECT FROM prompts WHERE id = OLD.prompt_id) THEN
      RETURN OLD;
    END IF;
  END IF;
  RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
END $$
"""

TRIGGERS = (
    """CREATE TRIGGER index_prompt BEFORE INSERT OR UPDATE OF
       name, title, description, folder, tags, served_version, served_model_type ON prompts
       FOR EACH ROW EXECUTE FUNCTION promptstack_index_prompt()""",
    """CREATE TRIGGER announce_prompt AFTER INSERT OR UPDATE OR DELETE ON prompts
       FOR EACH ROW EXECUTE FUNCTION promptstack_announce_prompt()""",
    """CREATE TRIGGER serve_production AFTER INSERT OR UPDATE ON prompt_labels
       FOR EACH ROW WHEN (NEW.label = 'production') EXECUTE FUNCTION promptstack_serve()""",
    """CREATE TRIGGER serve_without_production AFTER DELETE ON prompt_labels
       FOR EACH ROW WHEN (OLD.label = 'production') EXECUTE FUNCTION promptstack_serve()""",
    """CREATE TRIGGER announce_label AFTER INSERT OR UPDATE OR DELETE ON prompt_labels
       FOR EACH ROW EXECUTE FUNCTION promptstack_announce_label()""",
    """CREATE TRIGGER serve_main AFTER INSERT OR UPDATE ON prompt_branches
       FOR EACH ROW WHEN (NEW.branch = 'main') EXECUTE FUNCTION promptstack_serve()""",
    """CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON prompt_versions
       FOR EACH ROW EXECUTE FUNCTION promptstack_refuse_change()""",
    """CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON label_history
       FOR EACH ROW EXECUTE FUNCTION promptstack_refuse_change()""",
    """CREATE TRIGGER never_emptied BEFORE TRUNCATE ON prompt_versions
       FOR EACH STATEMENT EXECUTE FUNCTION promptstack_refuse_change()""",
    """CREATE TRIGGER never_emptied BEFORE TRUNCATE ON label_history
       FOR EACH STATEMENT EXECUTE FUNCTION promptstack_refuse_change()""",
)

FUNCTIONS = (
    "promptstack_search(text, promptstack_filter)",
    "promptstack_score_all(text, tsquery, promptstack_filter)",
    "promptstack_score_some(text, tsquery, promptstack_filter)",
    "promptstack_heading_matches(tsquery, promptstack_filter, integer)",
    "promptstack_search_matches(tsquery, promptstack_filter, integer)",
    "promptstack_each_word(tsquery)",
    "promptstack_loose(tsquery)",
    "promptstack_misspelt(text, text)",
    "promptstack_short_misspelt(text)",
    "promptstack_long_misspelt(text)",
    "promptstack_newest(integer)",
    "promptstack_swapped(text)",
    "promptstack_query(text)",
    "promptstack_announce_label()",
    "promptstack_announce_prompt()",
    "promptstack_serve()",
    "promptstack_index_prompt()",
    "promptstack_refuse_change()",
    "promptstack_facets(bigint, text, text[], text)",
    'promptstack_vector(text, "char")',
    "promptstack_text(jsonb)",
    "promptstack_tokens(text)",
    "promptstack_fold(text)",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    _create_search_functions()
    _create_tables()
    # Loads the library: only then is its setting known to a user who is no superuser.
    op.execute("SELECT show_limit()")
    for function in (
        *search.AFTER_TABLES, SERVE, ANNOUNCE_PROMPT, ANNOUNCE_LABEL, REFUSE_CHANGE,
    ):  # fmt: skip
        op.execute(_as_is(function))
    for trigger in TRIGGERS:
        op.execute(trigger)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.drop_constraint("fk_prompts_served_version", "prompts")
    for table in (
        "argument_values", "label_history", "prompt_labels", "prompt_branches",
        "prompt_versions", "prompts",
    ):  # fmt: skip
        op.drop_table(table)
    for function in FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}")
    op.execute("DROP TYPE promptstack_filter")
    op.execute("DROP TEXT SEARCH CONFIGURATION promptstack")
    op.execute("DROP TEXT SEARCH DICTIONARY promptstack_stem")


def _create_search_functions() -> None:
    letters, plain = search.PLAIN_LETTERS
    fold = search.FOLD.format(
        marks=search.MARKS, letters=letters, plain=plain, collation=_collation()
    )
    for statement in (fold, *search.BEFORE_TABLES):
        op.execute(_as_is(statement))


def _as_is(statement: str) -> sa.TextClause:
    """Keep SQLAlchemy from reading a colon in the statement as the start of a bind parameter."""
    return sa.text(statement.replace(":", "\\:"))


def _collation() -> str:
    """Name a collation that lower-cases every script, whatever the database's locale is."""
    known = op.get_bind().scalar(
        sa.text(
            "SELECT collname FROM pg_collation "
            "WHERE collname IN ('pg_c_utf8', 'und-x-icu') ORDER BY collname LIMIT 1"
        )
    )
    return f'COLLATE "{known}"' if known else ""


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    default = None if nullable else sa.text("clock_timestamp()")
    return sa.Column(name, sa.TIMESTAMP(timezone=True), nullable=nullable, server_default=default)


def _create_tables() -> None:
    _create_prompts()
    _create_versions()
    op.create_foreign_key(
        "fk_prompts_served_version", "prompts", "prompt_versions",
        ["id", "served_version"], ["prompt_id", "version"],
    )  # fmt: skip
    _create_branches()
    _create_labels()
    _create_argument_values()


def _create_prompts() -> None:
    op.create_table(
        "prompts",
        sa.Column("id", pg.UUID(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("title", sa.Text()),
        sa.Column("description", sa.Text()),
        sa.Column("folder", sa.Text(), nullable=False, server_default=""),
        sa.Column("tags", pg.ARRAY(sa.Text()), nullable=False, server_default="{}"),
        sa.Column("last_version", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("served_version", sa.Integer()),
        sa.Column("served_model_type", sa.Text()),
        sa.Column("search", pg.TSVECTOR()),
        sa.Column("heading", pg.TSVECTOR()),
        sa.Column("spelling", sa.Text()),
        _moment("created_at"),
        _moment("updated_at"),
        _moment("archived_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_prompts"),
        sa.UniqueConstraint("name", name="uq_prompts_name"),
        sa.CheckConstraint("name ~ '^[a-z0-9][a-z0-9_-]{0,63}$'", name="ck_prompts_name"),
        sa.CheckConstraint("last_version >= 0", name="ck_prompts_last_version"),
    )
    op.create_index("ix_prompts_number", "prompts", ["number"])
    # Without a list of pending entries, which every search would have to read from end to end.
    for column in ("search", "heading", "tags"):
        op.create_index(
            f"ix_prompts_{column}", "prompts", [column],
            postgresql_using="gin", postgresql_with={"fastupdate": "off"},
        )  # fmt: skip
    op.create_index(
        "ix_prompts_folder", "prompts", ["folder", "name"],
        postgresql_ops={"folder": "text_pattern_ops"},
    )  # fmt: skip
    op.create_index("ix_prompts_served_model_type", "prompts", ["served_model_type", "name"])
    op.create_index("ix_prompts_served_version", "prompts", ["served_version"])
    op.create_index(
        "ix_prompts_archived", "prompts", ["name"],
        postgresql_where=sa.text("archived_at IS NOT NULL"),
    )  # fmt: skip
    op.create_index(
        "ix_prompts_spelling", "prompts", ["spelling"],
        postgresql_using="gin", postgresql_ops={"spelling": "gin_trgm_ops"},
        postgresql_with={"fastupdate": "off"},
    )  # fmt: skip


def _create_versions() -> None:
    op.create_table(
        "prompt_versions",
        sa.Column("prompt_id", pg.UUID(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("parent", sa.Integer()),
        sa.Column("merged_from", sa.Integer()),
        sa.Column("messages", pg.JSONB(), nullable=False),
        sa.Column("variants", pg.JSONB(), nullable=False, server_default="{}"),
        sa.Column("arguments", pg.JSONB(), nullable=False, server_default="[]"),
        sa.Column("template_format", sa.Text(), nullable=False),
        sa.Column("model_type", sa.Text()),
        sa.Column("model_config", pg.JSONB(), nullable=False, server_default="{}"),
        sa.Column("tags", pg.ARRAY(sa.Text()), nullable=False, server_default="{}"),
        sa.Column("commit_message", sa.Text()),
        sa.Column("created_by", sa.Text(), nullable=False),
        _moment("created_at"),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("prompt_id", "version", name="pk_prompt_versions"),
        _belongs_to_prompt("prompt_versions"),
        _points_at_version("prompt_versions", "parent"),
        _points_at_version("prompt_versions", "merged_from"),
        sa.CheckConstraint("version > 0", name="ck_prompt_versions_version"),
        sa.CheckConstraint("parent < version", name="ck_prompt_versions_parent"),
        sa.CheckConstraint("merged_from < version", name="ck_prompt_versions_merged_from"),
        sa.CheckConstraint("jsonb_array_length(messages) > 0", name="ck_prompt_versions_messages"),
    )
    op.create_index(
        "ix_prompt_versions_content_hash", "prompt_versions", ["prompt_id", "content_hash"]
    )


def _create_branches() -> None:
    op.create_table(
        "prompt_branches",
        sa.Column("prompt_id", pg.UUID(), nullable=False),
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("head", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        _moment("created_at"),
        sa.PrimaryKeyConstraint("prompt_id", "branch", name="pk_prompt_branches"),
        _belongs_to_prompt("prompt_branches"),
        _points_at_version("prompt_branches", "head"),
    )


def _create_labels() -> None:
    op.create_table(
        "prompt_labels",
        sa.Column("prompt_id", pg.UUID(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("moved_by", sa.Text(), nullable=False),
        _moment("moved_at"),
        sa.PrimaryKeyConstraint("prompt_id", "label", name="pk_prompt_labels"),
        _belongs_to_prompt("prompt_labels"),
        _points_at_version("prompt_labels", "version"),
        sa.CheckConstraint(
            "label ~ '^[a-z][a-z0-9_.-]{0,63}$' AND label <> 'latest'",
            name="ck_prompt_labels_label",
        ),
    )
    op.create_index("ix_prompt_labels_label", "prompt_labels", ["label", "prompt_id"])
    op.create_table(
        "label_history",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("prompt_id", pg.UUID(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("from_version", sa.Integer()),
        sa.Column("to_version", sa.Integer()),
        sa.Column("moved_by", sa.Text(), nullable=False),
        _moment("moved_at"),
        sa.PrimaryKeyConstraint("id", name="pk_label_history"),
        _belongs_to_prompt("label_history"),
    )
    op.create_index("ix_label_history_prompt_id", "label_history", ["prompt_id", "label", "id"])


def _create_argument_values() -> None:
    op.create_table(
        "argument_values",
        sa.Column("prompt_id", pg.UUID(), nullable=False),
        sa.Column("argument", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        _moment("used_at"),
        sa.PrimaryKeyConstraint("prompt_id", "argument", "value", name="pk_argument_values"),
        _belongs_to_prompt("argument_values"),
        sa.CheckConstraint("length(value) <= 200", name="ck_argument_values_value"),
    )


def _belongs_to_prompt(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["prompt_id"], ["prompts.id"], name=f"fk_{table}_prompt_id", ondelete="CASCADE"
    )


def _points_at_version(table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["prompt_id", column],
        ["prompt_versions.prompt_id", "prompt_versions.version"],
        name=f"fk_{table}_prompt_id_{column}",
    )
