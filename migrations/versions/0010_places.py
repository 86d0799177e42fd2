"""A change has its prompt's places, so that it isn't announced to clients who don't see the prompt.

The index on content hashes is dropped: nothing looks a version up by its hash.
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# A notification holds less than 8,000 bytes. Where the places don't fit, everybody is told.
_ANNOUNCE = """
CREATE FUNCTION promptstack_announce(change jsonb, places jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  whole text := (change || jsonb_build_object('places', places))::text;
BEGIN
  PERFORM pg_notify('promptstack',
    CASE WHEN octet_length(whole) < 8000 THEN whole ELSE change::text END);
END $$
"""
_PROMPT = """
CREATE OR REPLACE FUNCTION promptstack_announce_prompt() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  listed boolean := TG_OP <> 'UPDATE';
  places jsonb := '[]';
BEGIN
  IF TG_OP <> 'INSERT' THEN
    places := jsonb_build_array(jsonb_build_array(OLD.folder, OLD.tags));
  END IF;
  IF TG_OP = 'INSERT'
     OR (TG_OP = 'UPDATE' AND (OLD.folder, OLD.tags) IS DISTINCT FROM (NEW.folder, NEW.tags)) THEN
    places := places || jsonb_build_array(jsonb_build_array(NEW.folder, NEW.tags));
  END IF;
  IF TG_OP = 'UPDATE' THEN
    listed := (OLD.name, OLD.title, OLD.description, OLD.folder, OLD.tags, OLD.archived_at,
               OLD.served_version)
      IS DISTINCT FROM (NEW.name, NEW.title, NEW.description, NEW.folder, NEW.tags,
               NEW.archived_at, NEW.served_version);
    IF OLD.name <> NEW.name THEN
      PERFORM promptstack_announce(jsonb_build_object(
        'kind', 'prompt', 'name', OLD.name, 'id', OLD.id, 'listed', true), places);
    END IF;
  END IF;
  PERFORM promptstack_announce(jsonb_build_object(
    'kind', CASE WHEN TG_OP = 'UPDATE' AND OLD.archived_at IS NOT DISTINCT FROM NEW.archived_at
                 THEN 'version' ELSE 'prompt' END,
    'name', coalesce(NEW.name, OLD.name), 'id', coalesce(NEW.id, OLD.id),
    'listed', listed), places);
  RETURN NULL;
END $$
"""
_LABEL = """
CREATE OR REPLACE FUNCTION promptstack_announce_label() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changed uuid := coalesce(NEW.prompt_id, OLD.prompt_id);
BEGIN
  PERFORM promptstack_announce(jsonb_build_object(
    'kind', 'label', 'name', name, 'id', id, 'label', coalesce(NEW.label, OLD.label),
    'listed', true), jsonb_build_array(jsonb_build_array(folder, tags)))
  FROM prompts WHERE id = changed;
  RETURN NULL;
END $$
"""
_BRANCH = """
CREATE OR REPLACE FUNCTION promptstack_announce_branch() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changed uuid := coalesce(NEW.prompt_id, OLD.prompt_id);
BEGIN
  PERFORM promptstack_announce(jsonb_build_object(
    'kind', 'version', 'name', name, 'id', id, 'listed', false),
    jsonb_build_array(jsonb_build_array(folder, tags)))
  FROM prompts WHERE id = changed;
  RETURN NULL;
END $$
"""
# What the functions were before (0001, 0002).
_PROMPT_BEFORE = """
CREATE OR REPLACE FUNCTION promptstack_announce_prompt() RETURNS trigger LANGUAGE plpgsql AS $$
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
_LABEL_BEFORE = """
CREATE OR REPLACE FUNCTION promptstack_announce_label() RETURNS trigger LANGUAGE plpgsql AS $$
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
_BRANCH_BEFORE = """
CREATE OR REPLACE FUNCTION promptstack_announce_branch() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changed uuid := coalesce(NEW.prompt_id, OLD.prompt_id);
BEGIN
  PERFORM pg_notify('promptstack', json_build_object(
    'kind', 'version', 'name', name, 'id', id, 'listed', false)::text)
  FROM prompts WHERE id = changed;
  RETURN NULL;
END $$
"""
_HASHES = "ix_prompt_versions_content_hash"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    for function in (_ANNOUNCE, _PROMPT, _LABEL, _BRANCH):
        op.execute(function.replace(":", "\\:"))
    op.drop_index(_HASHES, "prompt_versions")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.create_index(_HASHES, "prompt_versions", ["prompt_id", "content_hash"])
    for function in (_PROMPT_BEFORE, _LABEL_BEFORE, _BRANCH_BEFORE):
        op.execute(function.replace(":", "\\:"))
    op.execute("DROP FUNCTION promptstack_announce(jsonb, jsonb)")
