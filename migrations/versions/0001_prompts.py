"""Prompts, their versions, branches and labels; search; change events."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Letters that no Unicode decomposition takes apart, and what a reader would type for them.
_PLAIN_LETTERS = ("øØłŁđĐħĦıðةى", "oOlLdDhHidهي")

# Accents (and the vowel signs of Hebrew and Arabic) and case don't matter. A text of nothing but
# ASCII, where every character is one byte, is spared the work.
_MARKS = "\\u0300-\\u036f\\u0591-\\u05bd\\u05bf\\u05c1\\u05c2\\u064b-\\u065f\\u0670"
FOLD = """
CREATE FUNCTION promptstack_fold(value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN CASE WHEN octet_length(value) = char_length(value) THEN lower(value {collation}) ELSE
  replace(replace(replace(
    lower(translate(
      normalize(regexp_replace(normalize(value, NFKD), '[{marks}]', '', 'g'), NFC),
      '{letters}', '{plain}') {collation}),
    'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe') END
"""

# Scripts that put no spaces between words: each character becomes a word of its own, and a run of
# them a phrase, so that any part of a text is found through the one full-text index.
_UNSPACED = (
    "\\u0e00-\\u0eff\\u1000-\\u109f\\u1780-\\u17ff\\u3040-\\u30ff\\u3400-\\u4dbf"
    "\\u4e00-\\u9fff\\uac00-\\ud7af\\uf900-\\ufaff"
)
TOKENS = f"""
CREATE FUNCTION promptstack_tokens(value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN regexp_replace(
  CASE WHEN octet_length(value) = char_length(value) THEN promptstack_fold(value)
       ELSE regexp_replace(promptstack_fold(value), '([{_UNSPACED}])', ' \\1 ', 'g') END,
  '(\\w)[-_/]+(?=\\w)', '\\1 ', 'g')
"""

# Snowball's English stemmer without stop words: "summarise" finds "summarising", and a text in
# another language keeps its words, also those that English would throw away.
CONFIGURATION = (
    "CREATE TEXT SEARCH DICTIONARY promptstack_stem (TEMPLATE = snowball, Language = english)",
    "CREATE TEXT SEARCH CONFIGURATION promptstack (COPY = pg_catalog.simple)",
    "ALTER TEXT SEARCH CONFIGURATION promptstack ALTER MAPPING FOR asciiword, asciihword, "
    "hword_asciipart WITH promptstack_stem",
)

# A tsvector holds at most 1 MB: of a very long text the first 200,000 characters are searched.
TEXT = """
CREATE FUNCTION promptstack_text(messages jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN (
  SELECT left(string_agg(coalesce(m.value #>> '{content,text}', m.value #>> '{content,title}'),
                         E'\\n\\n' ORDER BY m.place), 200000)
  FROM jsonb_array_elements(messages) WITH ORDINALITY AS m (value, place))
"""

VECTOR = """
CREATE FUNCTION promptstack_vector(value text, weight "char") RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN setweight(
  to_tsvector('promptstack', promptstack_tokens(coalesce(value, ''))), weight)
"""

# What a reader typed, as a query: English stop words dropped unless nothing else is left, a run of
# unspaced script read as a phrase.
QUERY = f"""
CREATE FUNCTION promptstack_query(value text) RETURNS tsquery
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN (
  SELECT CASE WHEN numnode(english) > 0 THEN english
              ELSE websearch_to_tsquery('promptstack', words) END
  FROM (SELECT words, websearch_to_tsquery('pg_catalog.english', words) AS english
        FROM (SELECT promptstack_tokens(CASE WHEN strpos(value, '"') > 0 THEN value ELSE
          regexp_replace(regexp_replace(value, '(^|\\s)-+(?=\\s|$)', ' ', 'g'),
            '([{_UNSPACED}]{{2,}})', '"\\1"', 'g')
          END) AS words) AS typed) AS read)
"""

# The same query, each word of it also with any two neighbouring letters swapped: trigrams make
# little of "reveiw". A query that excludes words or quotes some is meant as it is written, and
# characters of unspaced scripts are no letters.
SWAPPED = f"""
CREATE FUNCTION promptstack_swapped(value text) RETURNS tsquery
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN (
  SELECT string_agg('(' || spellings || ')', ' & ')::tsquery
  FROM (
    SELECT string_agg(DISTINCT spelling::text, ' | ') AS spellings
    FROM regexp_split_to_table(promptstack_tokens(value), '\\W+')
        WITH ORDINALITY AS w (word, place),
      generate_series(0, CASE WHEN length(word) > 3 THEN least(length(word) - 1, 20) ELSE 0 END)
        AS p,
      plainto_tsquery('promptstack', CASE WHEN p = 0 THEN word ELSE
        left(word, p - 1) || reverse(substr(word, p, 2)) || substr(word, p + 2) END) AS spelling
    WHERE numnode(spelling) > 0 AND numnode(plainto_tsquery('pg_catalog.english', word)) > 0
    GROUP BY place) AS words
  WHERE length(value) <= 100 AND value !~ '"|(^|\\s)-|[{_UNSPACED}]')
"""

# What a filter asks for, as words that nobody can type: so the full-text index narrows by them,
# and a common word isn't looked up in every prompt to keep the few in one folder. Buckets of 1,024
# (4,096, 16,384, 65,536) prompts tell how new one is.
FACETS = """
CREATE FUNCTION promptstack_facets(number bigint, folder text, tags text[], model_type text)
RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN array_to_tsvector(
  ARRAY(SELECT chr(1) || size || 'b' || (number >> size) FROM generate_series(10, 16, 2) AS size)
  || ARRAY(SELECT chr(1) || 't' || tag FROM unnest(tags) AS tag)
  || ARRAY(SELECT chr(1) || 'f' || array_to_string((string_to_array(folder, '/'))[1:depth], '/')
           FROM generate_series(1, greatest(1, cardinality(string_to_array(folder, '/'))))
             AS depth)
  || CASE WHEN model_type IS NULL THEN '{}' ELSE ARRAY[chr(1) || 'm' || model_type] END)
"""

# The newest prompts as a query: those in the last two buckets of 2 ^ "size".
NEWEST = """
CREATE FUNCTION promptstack_newest(size integer) RETURNS tsquery
LANGUAGE sql STABLE PARALLEL SAFE STRICT
AS $$
  SELECT (lexeme || last || ''' | ' || lexeme || last - 1 || '''')::tsquery
  FROM (SELECT max(number) >> size AS last, '''' || chr(1) || size || 'b' AS lexeme
        FROM prompts) AS newest
$$
"""

# What narrows a search: facets, and what the vectors don't know.
FILTER = """
CREATE TYPE promptstack_filter AS (
  facets tsquery, archived boolean, label text, min_version integer)
"""
KEPT = """(archived_at IS NOT NULL) = (kept).archived
          AND ((kept).min_version IS NULL OR served_version >= (kept).min_version)
          AND ((kept).label IS NULL OR EXISTS (
            SELECT FROM prompt_labels WHERE prompt_id = id AND label = (kept).label))"""

# Matches in a column: ranked ones the best, others the newest. A common word stands in tens of
# thousands of texts, and reading them all takes longer than anybody waits: so the newest prompts
# are looked through first, and where they hold too few four times as many, or sixteen times.
MATCHES = """
CREATE FUNCTION promptstack_{column}_matches(
  words tsquery, kept promptstack_filter, enough integer)
RETURNS SETOF uuid LANGUAGE plpgsql STABLE ROWS 100 AS $$
DECLARE
  newest bigint := (SELECT max(number) FROM prompts);
  size integer := {smallest};
  asked tsquery;
  found uuid[];
BEGIN
  LOOP
    asked := words && (kept).facets;
    IF size <= 16 THEN
      asked := asked && promptstack_newest(size);
    END IF;
    found := ARRAY(
      WITH matches AS MATERIALIZED (
        SELECT id, number, {rank} AS rank FROM prompts
        WHERE {column} @@ asked
          AND {kept})
      SELECT id FROM matches ORDER BY rank DESC, number DESC LIMIT enough);
    EXIT WHEN cardinality(found) = enough OR size > 16 OR newest >> size < 2;
    size := size + CASE WHEN cardinality(found) * 16 < enough THEN 4 ELSE 2 END;
  END LOOP;
  RETURN QUERY SELECT unnest(found);
END $$
"""
HEADING_MATCHES = MATCHES.format(
    column="heading", smallest=12, rank="ts_rank_cd(heading, words)", kept=KEPT
)
SEARCH_MATCHES = MATCHES.format(column="search", smallest=10, rank="0", kept=KEPT)

# The threshold is part of the function, so that the operator and its index use it.
MISSPELT = """
CREATE FUNCTION promptstack_misspelt(value text) RETURNS TABLE (id uuid, alike real)
LANGUAGE sql STABLE PARALLEL SAFE STRICT ROWS 50
SET pg_trgm.word_similarity_threshold = 0.5
AS $$
  SELECT id, word_similarity(promptstack_fold(value), spelling) AS alike FROM prompts
  WHERE length(value) BETWEEN 4 AND 40 AND spelling %> promptstack_fold(value)
$$
"""

# A query's words, each on its own; none where it excludes some. "telling" are those that hardly any
# of the newest prompts has: they are looked for in every text.
EACH_WORD = """
CREATE FUNCTION promptstack_each_word(words tsquery)
RETURNS TABLE (word tsquery, telling boolean) LANGUAGE sql STABLE PARALLEL SAFE STRICT
AS $$
  SELECT word, (
    SELECT count(*) < 3 FROM prompts WHERE search @@ (word && promptstack_newest(10)))
  FROM unnest((string_to_array(words::text, ' & ')::tsquery[])[1:32]) AS word
  WHERE words::text !~ '!'
$$
"""

# For a rank, words may stand anywhere: next to each other takes the square of the time.
LOOSE = """
CREATE FUNCTION promptstack_loose(words tsquery) RETURNS tsquery
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN CASE WHEN words::text ~ '!' THEN words
            ELSE regexp_replace(words::text, ' (&|<[-0-9]+>) ', ' | ', 'g')::tsquery END
"""

# Those with all the words: the exact name before all (2 and more), then those with all of them in
# name, title and tags (1 and more), by how close they stand; then, unless there are plenty, texts
# (less than 1), by how often.
SCORE_ALL = f"""
CREATE FUNCTION promptstack_score_all(value text, words tsquery, kept promptstack_filter)
RETURNS TABLE (id uuid, name text, score real) LANGUAGE sql STABLE ROWS 200
AS $$
  WITH read AS MATERIALIZED (
    SELECT promptstack_fold(value) AS exactly, promptstack_loose(words) AS loose),
  headed (id) AS MATERIALIZED (
    SELECT promptstack_heading_matches(words, kept, 200)
    UNION SELECT id FROM prompts WHERE name = promptstack_fold(value)
      AND heading @@ (words && (kept).facets) AND {KEPT}),
  texts (id) AS MATERIALIZED (
    SELECT promptstack_search_matches(words, kept, 100)
    WHERE (SELECT count(*) < 100 FROM headed))
  SELECT id, name, 1 + ts_rank_cd(heading, words, 32) + (name = exactly)::integer
  FROM read, headed JOIN prompts USING (id)
  UNION ALL SELECT id, name, ts_rank(search, loose)
  FROM read, texts JOIN prompts USING (id) WHERE id NOT IN (SELECT headed.id FROM headed)
$$
"""

# Those with some of the words, or a name or title that is spelt alike, unless every word is a
# common one: those are spelt right. A single word was looked for already.
SCORE_SOME = f"""
CREATE FUNCTION promptstack_score_some(value text, words tsquery, kept promptstack_filter)
RETURNS TABLE (id uuid, name text, score real) LANGUAGE sql STABLE ROWS 200
AS $$
  WITH each AS MATERIALIZED (SELECT * FROM promptstack_each_word(words)),
  query AS MATERIALIZED (
    SELECT string_agg(word::text, ' | ')::tsquery AS loose,
      (string_agg(word::text, ' | ') FILTER (WHERE telling))::tsquery AS telling FROM each
    HAVING count(*) > 1
    UNION ALL SELECT NULL, NULL WHERE (SELECT count(*) < 2 FROM each)),
  misspelt AS MATERIALIZED (
    SELECT id, alike FROM promptstack_misspelt(value) JOIN prompts USING (id)
    WHERE (SELECT coalesce(bool_or(telling), true) FROM each)
      AND (numnode((kept).facets) = 0 OR heading @@ (kept).facets) AND {KEPT}
    ORDER BY alike DESC, number DESC LIMIT 50)
  SELECT p.id, p.name,
    coalesce(ts_rank(p.search, promptstack_loose(query.loose)), 0)
      + coalesce(ts_rank(p.search, promptstack_loose(query.telling)), 0) + coalesce(alike, 0)
  FROM query, (
    SELECT promptstack_heading_matches(loose, kept, 50) FROM query
    UNION SELECT promptstack_search_matches(telling, kept, 50) FROM query
    UNION SELECT promptstack_search_matches(loose, kept, 50) FROM query
    UNION SELECT misspelt.id FROM misspelt
  ) AS m (id) JOIN prompts AS p USING (id) LEFT JOIN misspelt USING (id)
$$
"""

# All words; else all words, letters swapped; else some words and spellings. Plans don't depend on
# the words: one that is made for a common word would read every vector instead of the index.
SEARCH = """
CREATE FUNCTION promptstack_search(value text, kept promptstack_filter)
RETURNS TABLE (id uuid, name text, score real) LANGUAGE plpgsql STABLE ROWS 200
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
  words tsquery := promptstack_query(value);
BEGIN
  FOR attempt IN 1..2 LOOP
    IF numnode(words) > 0 THEN
      RETURN QUERY SELECT * FROM promptstack_score_all(value, words, kept);
      IF FOUND THEN
        RETURN;
      END IF;
    END IF;
    words := promptstack_swapped(value);
  END LOOP;
  RETURN QUERY SELECT * FROM promptstack_score_some(value, promptstack_query(value), kept);
END $$
"""

INDEX_PROMPT = """
CREATE FUNCTION promptstack_index_prompt() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  facets tsvector;
  heading tsvector;
BEGIN
  -- A prompt's first version follows in the same transaction, and all would be written twice.
  IF NEW.served_version IS NULL THEN
    RETURN NEW;
  END IF;
  facets := promptstack_facets(NEW.number, NEW.folder, NEW.tags, NEW.served_model_type);
  heading := promptstack_vector(NEW.name, 'A')
    || promptstack_vector(concat_ws(' ', NEW.title, array_to_string(NEW.tags, ' ')), 'B');
  NEW.heading := heading || facets;
  NEW.search := heading
    || promptstack_vector(NEW.description, 'C')
    || promptstack_vector((SELECT promptstack_text(messages) FROM prompt_versions
         WHERE prompt_id = NEW.id AND version = NEW.served_version), 'D')
    || facets;
  NEW.spelling := promptstack_fold(concat_ws(' ', NEW.name, NEW.title));
  RETURN NEW;
END $$
"""

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
    "promptstack_misspelt(text)",
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
        NEWEST, FILTER, HEADING_MATCHES, SEARCH_MATCHES, MISSPELT, EACH_WORD, LOOSE, SCORE_ALL,
        SCORE_SOME, SEARCH, INDEX_PROMPT, SERVE, ANNOUNCE_PROMPT, ANNOUNCE_LABEL, REFUSE_CHANGE,
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
    letters, plain = _PLAIN_LETTERS
    fold = FOLD.format(marks=_MARKS, letters=letters, plain=plain, collation=_collation())
    for statement in (fold, TOKENS, *CONFIGURATION, TEXT, VECTOR, QUERY, SWAPPED, FACETS):
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
