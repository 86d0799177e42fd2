"""The tables, as SQLAlchemy Core sees them. Functions and triggers live in the migrations."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSON, JSONB, TSVECTOR, UUID

# Every constraint has a predictable name: `storage.constraints` translates refusals by it.
metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


VERSION_TABLE = "promptstack_version"
"""Alembic's table of the schema's revision; its usual name may be taken by another program."""


# GIN indexes keep no list of pending entries, which every search would read from end to end.
_AT_ONCE = {"fastupdate": "off"}


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    default = None if nullable else sa.text("clock_timestamp()")
    column_type = sa.TIMESTAMP(timezone=True)
    return sa.Column(name, column_type, nullable=nullable, server_default=default)


prompts = sa.Table(
    "prompts",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    # In the order of creation, with gaps: a search looks among the newest first.
    sa.Column("number", sa.BigInteger, sa.Identity(always=True), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("title", sa.Text),
    sa.Column("description", sa.Text),
    sa.Column("folder", sa.Text, nullable=False, server_default=""),
    sa.Column("tags", ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.Column("last_version", sa.Integer, nullable=False, server_default="0"),
    # Triggers fill these columns: the version that a bare name means, and the search vectors.
    sa.Column("served_version", sa.Integer),
    sa.Column("served_model_type", sa.Text),
    sa.Column("served_models", ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.Column("search", TSVECTOR),
    sa.Column("heading", TSVECTOR),
    sa.Column("spelling", sa.Text),
    _moment("created_at"),
    _moment("updated_at"),
    _moment("archived_at", nullable=True),
    sa.UniqueConstraint("name"),
    sa.CheckConstraint("name ~ '^[a-z0-9][a-z0-9_-]{0,63}$'", name="name"),
    sa.CheckConstraint("last_version >= 0", name="last_version"),
    sa.ForeignKeyConstraint(
        ["id", "served_version"],
        ["prompt_versions.prompt_id", "prompt_versions.version"],
        name="fk_prompts_served_version",
        use_alter=True,
    ),
    sa.Index("ix_prompts_number", "number"),
    sa.Index("ix_prompts_search", "search", postgresql_using="gin", postgresql_with=_AT_ONCE),
    sa.Index("ix_prompts_heading", "heading", postgresql_using="gin", postgresql_with=_AT_ONCE),
    sa.Index("ix_prompts_tags", "tags", postgresql_using="gin", postgresql_with=_AT_ONCE),
    sa.Index("ix_prompts_folder", "folder", "name", postgresql_ops={"folder": "text_pattern_ops"}),
    sa.Index(
        "ix_prompts_served_models",
        "served_models",
        postgresql_using="gin",
        postgresql_with=_AT_ONCE,
    ),
    sa.Index("ix_prompts_served_version", "served_version"),
    # Lists are in the order of characters' codes, whatever the database's locale is: the migration
    # says COLLATE "C", which the comparison of tables doesn't see.
    sa.Index("ix_prompts_listed", "name", postgresql_where=sa.text("archived_at IS NULL")),
    sa.Index("ix_prompts_archived", "name", postgresql_where=sa.text("archived_at IS NOT NULL")),
    sa.Index(
        "ix_prompts_spelling",
        "spelling",
        postgresql_using="gin",
        postgresql_ops={"spelling": "gin_trgm_ops"},
        postgresql_with=_AT_ONCE,
    ),
)

prompt_names = sa.Table(
    "prompt_names",
    metadata,
    # Every name that a prompt has or had; a trigger keeps them.
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("prompt_id", UUID(as_uuid=True), nullable=False),
    sa.ForeignKeyConstraint(["prompt_id"], ["prompts.id"], ondelete="CASCADE"),
    sa.Index("ix_prompt_names_prompt_id", "prompt_id"),
)

prompt_versions = sa.Table(
    "prompt_versions",
    metadata,
    sa.Column("prompt_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("branch", sa.Text, nullable=False),
    sa.Column("parent", sa.Integer),
    sa.Column("merged_from", sa.Integer),
    sa.Column("messages", JSONB, nullable=False),
    sa.Column("variants", JSONB, nullable=False, server_default="{}"),
    sa.Column("arguments", JSONB, nullable=False, server_default="[]"),
    sa.Column("template_format", sa.Text, nullable=False),
    sa.Column("model_type", sa.Text),
    # Kept as its text: JSONB would sort the keys, but a model follows the order of a schema.
    sa.Column("model_config", JSON, nullable=False, server_default="{}"),
    sa.Column("tags", ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.Column("commit_message", sa.Text),
    sa.Column("created_by", sa.Text, nullable=False),
    _moment("created_at"),
    sa.Column("content_hash", sa.Text, nullable=False),
    # The references that its texts include, as they are written there.
    sa.Column("includes", ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.ForeignKeyConstraint(["prompt_id"], ["prompts.id"], ondelete="CASCADE"),
    sa.ForeignKeyConstraint(
        ["prompt_id", "parent"], ["prompt_versions.prompt_id", "prompt_versions.version"]
    ),
    sa.ForeignKeyConstraint(
        ["prompt_id", "merged_from"], ["prompt_versions.prompt_id", "prompt_versions.version"]
    ),
    sa.CheckConstraint("version > 0", name="version"),
    sa.CheckConstraint("parent < version", name="parent"),
    sa.CheckConstraint("merged_from < version", name="merged_from"),
    sa.CheckConstraint("jsonb_array_length(messages) > 0", name="messages"),
)

prompt_includes = sa.Table(
    "prompt_includes",
    metadata,
    sa.Column("prompt_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("included_id", UUID(as_uuid=True), primary_key=True),
    # The part after the '@'; '' stands for the bare name.
    sa.Column("point", sa.Text, primary_key=True),
    sa.ForeignKeyConstraint(
        ["prompt_id", "version"],
        ["prompt_versions.prompt_id", "prompt_versions.version"],
        ondelete="CASCADE",
    ),
    sa.ForeignKeyConstraint(["included_id"], ["prompts.id"], ondelete="CASCADE"),
    sa.Index("ix_prompt_includes_included_id", "included_id"),
)

prompt_branches = sa.Table(
    "prompt_branches",
    metadata,
    sa.Column("prompt_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("branch", sa.Text, primary_key=True),
    sa.Column("head", sa.Integer, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    _moment("created_at"),
    sa.ForeignKeyConstraint(["prompt_id"], ["prompts.id"], ondelete="CASCADE"),
    sa.ForeignKeyConstraint(
        ["prompt_id", "head"], ["prompt_versions.prompt_id", "prompt_versions.version"]
    ),
)

prompt_labels = sa.Table(
    "prompt_labels",
    metadata,
    sa.Column("prompt_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("label", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("moved_by", sa.Text, nullable=False),
    _moment("moved_at"),
    sa.ForeignKeyConstraint(["prompt_id"], ["prompts.id"], ondelete="CASCADE"),
    sa.ForeignKeyConstraint(
        ["prompt_id", "version"], ["prompt_versions.prompt_id", "prompt_versions.version"]
    ),
    sa.CheckConstraint("label ~ '^[a-z][a-z0-9_.-]{0,63}$' AND label <> 'latest'", name="label"),
    sa.Index("ix_prompt_labels_label", "label", "prompt_id"),
)

label_weights = sa.Table(
    "label_weights",
    metadata,
    sa.Column("prompt_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("label", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("weight", sa.Integer, nullable=False),
    sa.ForeignKeyConstraint(
        ["prompt_id", "label"],
        ["prompt_labels.prompt_id", "prompt_labels.label"],
        ondelete="CASCADE",
        name="fk_label_weights_prompt_id_label",
    ),
    sa.ForeignKeyConstraint(
        ["prompt_id", "version"],
        ["prompt_versions.prompt_id", "prompt_versions.version"],
        name="fk_label_weights_prompt_id_version",
    ),
    sa.CheckConstraint("weight > 0", name="weight"),
)

label_history = sa.Table(
    "label_history",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("prompt_id", UUID(as_uuid=True), nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("from_version", sa.Integer),
    sa.Column("to_version", sa.Integer),
    sa.Column("weights", JSONB(none_as_null=True)),
    sa.Column("reason", sa.Text),
    sa.Column("moved_by", sa.Text, nullable=False),
    _moment("moved_at"),
    sa.ForeignKeyConstraint(["prompt_id"], ["prompts.id"], ondelete="CASCADE"),
    sa.Index("ix_label_history_prompt_id", "prompt_id", "label", "id"),
)

argument_values = sa.Table(
    "argument_values",
    metadata,
    sa.Column("prompt_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("argument", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, primary_key=True),
    _moment("used_at"),
    sa.ForeignKeyConstraint(["prompt_id"], ["prompts.id"], ondelete="CASCADE"),
    sa.CheckConstraint("length(value) <= 200", name="value"),
)
