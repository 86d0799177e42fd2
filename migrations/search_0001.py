"""The functions and types of the search, as step 0001 creates them."""

# Letters that no Unicode decomposition takes apart, and what a reader would type for them.
PLAIN_LETTERS = ("øØłŁđĐħĦıðةى", "oOlLdDhHidهي")

# Accents (and the vowel signs of Hebrew and Arabic) and case don't matter. A text of nothing but
# ASCII, where every character is one byte, is spared the work.
MARKS = "\\u0300-\\u036f\\u0591-\\u05bd\\u05bf\\u05c1\\u05c2\\u064b-\\u065f\\u0670"
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
  facets tsquery, archived boolean, label text, version integer, min_version integer)
"""
KEPT = """(archived_at IS NOT NULL) = (kept).archived
          AND ((kept).version IS NULL OR served_version = (kept).version)
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

# The threshold is part of the function, so that the operator and its index use it. One wrong letter
# of a short word changes most of its trigrams ("alfa", "alpha"), so a query that is one need share
# fewer; beside other words that would match too much.
_SPELT_ALIKE = """
CREATE FUNCTION promptstack_{which}_misspelt(value text) RETURNS TABLE (id uuid, alike real)
LANGUAGE sql STABLE PARALLEL SAFE STRICT ROWS 50
SET pg_trgm.word_similarity_threshold = {threshold}
AS $$
  SELECT id, word_similarity(promptstack_fold(value), spelling) AS alike FROM prompts
  WHERE length(value) BETWEEN 4 AND 40 AND spelling %> promptstack_fold(value)
$$
"""
SHORT_MISSPELT = _SPELT_ALIKE.format(which="short", threshold=0.4)
LONG_MISSPELT = _SPELT_ALIKE.format(which="long", threshold=0.5)
MISSPELT = """
CREATE FUNCTION promptstack_misspelt(telling text, query text)
RETURNS TABLE (id uuid, alike real)
LANGUAGE sql STABLE PARALLEL SAFE STRICT ROWS 50
AS $$
  SELECT * FROM promptstack_short_misspelt(CASE WHEN length(query) < 6 THEN telling END)
  UNION ALL
  SELECT * FROM promptstack_long_misspelt(CASE WHEN length(query) >= 6 THEN telling END)
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

# Those with all the words: the exact name or title before all (1.9 and more), then those with all
# of them in name, title and tags (1 and more), by how close they stand; then, unless there are
# plenty, texts (less than 1), by how often.
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
    + coalesce((promptstack_fold(title) = exactly)::integer * 0.9, 0)::real
  FROM read, headed JOIN prompts USING (id)
  UNION ALL SELECT id, name, ts_rank(search, loose)
  FROM read, texts JOIN prompts USING (id) WHERE id NOT IN (SELECT headed.id FROM headed)
$$
"""

# Those with some of the words, or a name or title in which the telling ones are spelt alike: common
# words are spelt right, and match too much. A single word was looked for already.
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
  spelt (telling) AS MATERIALIZED (
    SELECT string_agg(typed, ' ' ORDER BY place)
    FROM regexp_split_to_table(promptstack_tokens(value), '\\W+')
      WITH ORDINALITY AS w (typed, place)
    WHERE plainto_tsquery('promptstack', typed)::text IN (
      SELECT word::text FROM each WHERE each.telling)),
  misspelt AS MATERIALIZED (
    SELECT id, alike FROM spelt, promptstack_misspelt(spelt.telling, value) JOIN prompts USING (id)
    WHERE (numnode((kept).facets) = 0 OR heading @@ (kept).facets) AND {KEPT}
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

BEFORE_TABLES = (TOKENS, *CONFIGURATION, TEXT, VECTOR, QUERY, SWAPPED, FACETS)
"""What indexes and triggers build on; `FOLD` comes before it, once its collation is known."""

AFTER_TABLES = (
    NEWEST, FILTER, HEADING_MATCHES, SEARCH_MATCHES, SHORT_MISSPELT, LONG_MISSPELT, MISSPELT,
    EACH_WORD, LOOSE, SCORE_ALL, SCORE_SOME, SEARCH, INDEX_PROMPT,
)  # fmt: skip
