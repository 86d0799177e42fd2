"""Filters and search see a version's variants, not only the model that its base text is for."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MODELS = """
CREATE FUNCTION promptstack_models(model_type text, variants jsonb) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY(SELECT model_type WHERE model_type IS NOT NULL
             UNION SELECT key FROM jsonb_each(variants) ORDER BY 1)
"""

SERVE = """
CREATE OR REPLACE FUNCTION promptstack_serve() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changed uuid := coalesce(NEW.prompt_id, OLD.prompt_id);
BEGIN
  UPDATE prompts SET served_version = v.version, served_model_type = v.model_type{models}
  FROM prompt_versions v
  WHERE id = changed AND v.prompt_id = changed AND v.version = coalesce(
      (SELECT version FROM prompt_labels WHERE prompt_id = changed AND label = 'production'),
      (SELECT head FROM prompt_branches WHERE prompt_id = changed AND branch = 'main'))
    AND (served_version, served_model_type) IS DISTINCT FROM (v.version, v.model_type);
  RETURN NULL;
END $$
"""
SERVED_MODELS = ",\n    served_models = promptstack_models(v.model_type, v.variants)"

# As in step 0001, for several models.
FACETS = """
CREATE FUNCTION promptstack_facets(number bigint, folder text, tags text[], models text[])
RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN array_to_tsvector(
  ARRAY(SELECT chr(1) || size || 'b' || (number >> size) FROM generate_series(10, 16, 2) AS size)
  || ARRAY(SELECT chr(1) || 't' || tag FROM unnest(tags) AS tag)
  || ARRAY(SELECT chr(1) || 'f' || array_to_string((string_to_array(folder, '/'))[1:depth], '/')
           FROM generate_series(1, greatest(1, cardinality(string_to_array(folder, '/'))))
             AS depth)
  || ARRAY(SELECT chr(1) || 'm' || model FROM unnest(models) AS model))
"""

INDEX_PROMPT = """
CREATE OR REPLACE FUNCTION promptstack_index_prompt() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  facets tsvector;
  heading tsvector;
BEGIN
  -- A prompt's first version follows in the same transaction, and all would be written twice.
  IF NEW.served_version IS NULL THEN
    RETURN NEW;
  END IF;
  facets := promptstack_facets(NEW.number, NEW.folder, NEW.tags, NEW.{models});
  heading := promptstack_vector(NEW.name, 'A')
    || promptstack_vector(concat_ws(' ', NEW.title, array_to_string(NEW.tags, ' ')), 'B');
  NEW.heading := heading || facets;
  NEW.search := heading
    || promptstack_vector(NEW.description, 'C')
    || promptstack_vector((SELECT {text} FROM prompt_versions
         WHERE prompt_id = NEW.id AND version = NEW.served_version), 'D')
    || facets;
  NEW.spelling := promptstack_fold(concat_ws(' ', NEW.name, NEW.title));
  RETURN NEW;
END $$
"""
TEXTS = """concat_ws(E'\\n', promptstack_text(messages),
         (SELECT string_agg(promptstack_text(value), E'\\n' ORDER BY key)
          FROM jsonb_each(variants)))"""

TRIGGER = """
CREATE OR REPLACE TRIGGER index_prompt BEFORE INSERT OR UPDATE OF
  name, title, description, folder, tags, served_version, {models} ON prompts
FOR EACH ROW EXECUTE FUNCTION promptstack_index_prompt()
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.add_column(
        "prompts",
        sa.Column("served_models", pg.ARRAY(sa.Text()), nullable=False, server_default="{}"),
    )
    _run(MODELS, FACETS, SERVE.format(models=SERVED_MODELS))
    _run(INDEX_PROMPT.format(models="served_models", text=TEXTS))
    _run(TRIGGER.format(models="served_models"))
    op.execute("DROP FUNCTION promptstack_facets(bigint, text, text[], text)")
    op.execute(
        "UPDATE prompts SET served_models = promptstack_models(v.model_type, v.variants) "
        "FROM prompt_versions v WHERE v.prompt_id = id AND v.version = served_version "
        "AND (v.model_type IS NOT NULL OR v.variants <> '{}')"
    )
    op.drop_index("ix_prompts_served_model_type", "prompts")
    op.create_index(
        "ix_prompts_served_models", "prompts", ["served_models"],
        postgresql_using="gin", postgresql_with={"fastupdate": "off"},
    )  # fmt: skip


def downgrade() -> None:
    from migrations.search_0001 import FACETS as OLD_FACETS

    op.execute("SET LOCAL lock_timeout = '10s'")
    op.drop_index("ix_prompts_served_models", "prompts")
    op.create_index("ix_prompts_served_model_type", "prompts", ["served_model_type", "name"])
    _run(OLD_FACETS, SERVE.format(models=""))
    _run(INDEX_PROMPT.format(models="served_model_type", text="promptstack_text(messages)"))
    _run(TRIGGER.format(models="served_model_type"))
    op.execute("DROP FUNCTION promptstack_facets(bigint, text, text[], text[])")
    op.execute("DROP FUNCTION promptstack_models(text, jsonb)")
    op.drop_column("prompts", "served_models")
    op.execute("UPDATE prompts SET served_model_type = served_model_type")


def _run(*statements: str) -> None:
    for statement in statements:
        op.execute(sa.text(statement.replace(":", "\\:")))
