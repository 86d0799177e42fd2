import asyncio
import json
import os
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine

from mcp_server.domain.drafts import content_hash
from storage.connectors import UrlConnector
from storage.database import Database
from storage.rows import version_from_row
from storage.schema import (
    _LOCK,
    alembic_config,
    check_current,
    is_current,
    migrate,
    needed_revision,
)
from storage.tables import VERSION_TABLE, metadata, prompt_versions
from storage.values.entities import Version
from storage.values.errors import Unavailable

_ID = "00000000-0000-0000-0000-000000000001"
OLD_PROMPT = (
    f"INSERT INTO prompts (id, name) VALUES ('{_ID}', 'old')",
    f"""
    INSERT INTO prompt_versions (prompt_id, version, branch, messages, variants, template_format,
      model_type, created_by, content_hash)
    VALUES ('{_ID}', 1, 'main',
      '[{{"role": "user", "content": {{"type": "text", "text": "Hi"}}}}]',
      '{{"claude-*": [{{"role": "user", "content": {{"type": "text", "text": "Salve"}}}}]}}',
      'simple', 'gpt-4', 'me', 'x')""",
    f"INSERT INTO prompt_branches (prompt_id, branch, head, created_by) "
    f"VALUES ('{_ID}', 'main', 1, 'me')",
)


@pytest.fixture
async def empty(empty_database_url):
    engine = create_async_engine(empty_database_url)
    yield engine
    await engine.dispose()


def _script() -> ScriptDirectory:
    return ScriptDirectory.from_config(alembic_config())


async def test_upgrading_from_nothing_gives_the_tables_that_the_code_sees(connector):
    engine = create_async_engine("postgresql+asyncpg://", async_creator=connector.connect)
    async with engine.connect() as connection:

        def differences(sync: sa.Connection) -> list[object]:
            return compare_metadata(
                MigrationContext.configure(sync, opts={"version_table": VERSION_TABLE}), metadata
            )

        assert await connection.run_sync(differences) == []
    await engine.dispose()


def _shape(connection: sa.Connection) -> set[tuple[str, str, str]]:
    """Return what the schema consists of: columns, constraints, indexes, functions, triggers."""
    found = connection.execute(
        sa.text("""
            SELECT 'column', table_name::text, column_name || ' ' || data_type
              || coalesce(' ' || column_default, '') || is_nullable
            FROM information_schema.columns WHERE table_schema = 'public'
            UNION ALL
            SELECT 'constraint', conrelid::regclass::text, conname || pg_get_constraintdef(oid)
            FROM pg_constraint WHERE connamespace = 'public'::regnamespace
            UNION ALL
            SELECT 'index', tablename::text, indexdef FROM pg_indexes WHERE schemaname = 'public'
            UNION ALL
            SELECT 'function', proname::text, pg_get_functiondef(oid)
            FROM pg_proc WHERE proname LIKE 'promptstack%'
            UNION ALL
            SELECT 'trigger', tgrelid::regclass::text, pg_get_triggerdef(oid)
            FROM pg_trigger WHERE NOT tgisinternal""")
    )
    return {tuple(row) for row in found if row[1] != "promptstack_version"}


async def test_every_step_goes_down_to_what_was_there_and_up_to_the_same_again(empty):
    async with empty.connect() as connection:

        def walk(sync: sa.Connection) -> None:
            config = alembic_config(sync)
            for step in reversed(list(_script().walk_revisions())):
                before = _shape(sync)
                command.upgrade(config, step.revision)
                after = _shape(sync)
                command.downgrade(config, step.down_revision or "base")
                assert _shape(sync) == before, step.revision
                command.upgrade(config, step.revision)
                assert _shape(sync) == after, step.revision
                assert after != before, step.revision

        await connection.run_sync(walk)
        await connection.commit()


async def test_going_down_to_nothing_leaves_nothing(empty):
    leftovers = sa.text(
        "SELECT proname FROM pg_proc WHERE proname LIKE 'promptstack%' UNION ALL "
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
        "AND relname NOT LIKE 'promptstack_version%' UNION ALL "
        "SELECT cfgname FROM pg_ts_config WHERE cfgname LIKE 'promptstack%'"
    )
    async with empty.connect() as connection:

        def down_and_up(sync: sa.Connection) -> None:
            command.upgrade(alembic_config(sync), "head")
            command.downgrade(alembic_config(sync), "base")

        await connection.run_sync(down_and_up)
        assert (await connection.scalars(leftovers)).all() == []


def test_the_needed_revision_is_alembics_only_head():
    assert _script().get_heads() == [needed_revision()]


async def test_processes_that_start_at_once_migrate_once(empty_database_url):
    connector = UrlConnector(empty_database_url)
    done = await asyncio.gather(*(migrate(connector) for _ in range(6)))
    assert sorted(done) == [False] * 5 + [True]


async def test_another_process_that_never_ends_its_migration_isnt_waited_for_without_limit(
    empty_database_url, monkeypatch
):
    monkeypatch.setattr("storage.schema.LOCK_SECONDS", 1)
    connector = UrlConnector(empty_database_url)
    other = await connector.connect()
    await other.execute(f"SELECT pg_advisory_lock({_LOCK})")
    with pytest.raises(Unavailable, match=r"another process.*for 1 seconds\. Try again"):
        await migrate(connector)
    await other.close()
    assert await migrate(connector)


async def test_a_table_of_another_program_is_left_alone(empty_database_url):
    connector = UrlConnector(empty_database_url)
    owner = await connector.connect()
    await owner.execute("CREATE TABLE prompts (text text)")
    with pytest.raises(Unavailable, match=r"'prompts' that promptstack didn't make.*createdb"):
        await migrate(connector)
    assert await owner.fetchval("SELECT to_regclass('promptstack_version')") is None
    await owner.close()


async def test_a_schema_is_checked_without_being_touched(empty_database_url):
    connector = UrlConnector(empty_database_url)
    database = Database(connector)
    with pytest.raises(Unavailable, match=r"no tables.*`promptstack migrate`"):
        await check_current(connector)
    assert not await is_current(database)
    await migrate(connector)
    await check_current(connector)
    assert await is_current(database)
    await database.close()


async def test_a_server_goes_on_where_a_newer_one_has_migrated_but_doesnt_start_there(
    connector, database
):
    async with database.transaction() as tx:
        await tx.connection.execute(sa.text("UPDATE promptstack_version SET version_num = '9999'"))
    assert await is_current(database)
    with pytest.raises(Unavailable, match="'9999'"):
        await check_current(connector)


async def test_the_alembic_command_connects_to_the_url_of_the_environment(
    empty_database_url, monkeypatch
):
    monkeypatch.setenv("DATABASE_URL", empty_database_url)
    config = alembic_config()
    await asyncio.to_thread(command.upgrade, config, "head")
    await check_current(UrlConnector(empty_database_url))


async def test_a_schema_of_the_future_is_refused(database_url, connector):
    connection = await connector.connect()
    await connection.execute("UPDATE promptstack_version SET version_num = '9999'")
    await connection.close()
    with pytest.raises(Unavailable, match="'9999'"):
        await migrate(connector)


async def test_a_user_without_rights_is_told_what_to_do(empty_database_url):
    owner = await UrlConnector(empty_database_url).connect()
    role = f"ps_guest_{os.getpid()}"
    await owner.execute(f"CREATE ROLE {role} LOGIN")
    try:
        guest = UrlConnector(_as_user(empty_database_url, role))
        with pytest.raises(Unavailable, match="promptstack migrate") as caught:
            await migrate(guest)
        assert "\n" not in caught.value.message
    finally:
        await owner.execute(f"DROP ROLE {role}")
        await owner.close()


async def test_a_database_that_cant_hold_every_character_is_refused(postgres):
    owner = await UrlConnector(postgres.url("postgres")).connect()
    name = f"ps_latin_{os.getpid()}"
    await owner.execute(
        f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE_PROVIDER libc LC_COLLATE 'C' "
        "LC_CTYPE 'C' TEMPLATE template0"
    )
    try:
        with pytest.raises(Unavailable, match="LATIN1"):
            await migrate(UrlConnector(postgres.url(name)))
    finally:
        await owner.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await owner.close()


def _as_user(url: str, user: str) -> str:
    parts = urlsplit(url)
    query = urlencode(dict(parse_qsl(parts.query)) | {"user": user})
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}?{query}"


async def test_the_step_that_finds_variants_finds_those_that_are_there(empty):
    async with empty.connect() as connection:
        await connection.run_sync(lambda sync: command.upgrade(alembic_config(sync), "0003"))
        for statement in OLD_PROMPT:
            await connection.exec_driver_sql(statement)
        await connection.run_sync(lambda sync: command.upgrade(alembic_config(sync), "0004"))
        found = await connection.exec_driver_sql(
            "SELECT name FROM prompts WHERE served_models = '{claude-*,gpt-4}' "
            "AND search @@ promptstack_query('salve')"
        )
        assert found.scalars().all() == ["old"]


def _old_version(number: int, config: str, content_hash: str) -> str:
    message = '[{"role": "user", "content": {"type": "text", "text": "Hi {{a}}"}}]'
    return (
        "INSERT INTO prompt_versions (prompt_id, version, branch, messages, arguments, variants, "
        "template_format, created_by, model_config, content_hash) "
        f"VALUES ('{_ID}', {number}, 'main', '{message}', "
        """'[{"name": "a", "type": "string", "required": true}]', """
        """'{"gpt-*": [{"role": "user", "content": {"type": "text", "text": "é"}}]}', """
        f"'simple', 'me', '{config}', '{content_hash}')"
    )


async def test_the_step_that_keeps_settings_as_written_counts_their_order_and_back(empty):
    # As JSONB holds them, and the hashes that such versions had.
    old = [
        ("{}", "5cd8c099b98ec1dbeacba7e4f304fa84e317340d0e44dac03b91f02679c811ca"),
        (
            '{"b": 1, "aa": {"z": 1.0, "yy": 1e23}}',
            "75e2ae9f52107f818444e27c0c7a2ac7018085046b7ae52ed41ff6804e3689cd",
        ),
        (
            '{"temperature": 0.5}',
            "1e3840f2bcc797d60d118e1c6d1db84cddda2dcec780f29fd2e5bcb22a6be034",
        ),
    ]
    async with empty.connect() as connection:

        def step(revision: str, move=command.upgrade):
            return connection.run_sync(lambda sync: move(alembic_config(sync), revision))

        async def kept() -> list[tuple[str, Version]]:
            rows = await connection.execute(sa.select(prompt_versions).order_by("version"))
            return [version_from_row(row) for row in rows.mappings()]

        await step("0007")
        await connection.exec_driver_sql(OLD_PROMPT[0])
        for number, (config, content_hash_then) in enumerate(old, 1):
            statement = _old_version(number, config, content_hash_then)
            await connection.exec_driver_sql(statement)
        await step("0008")
        versions = await kept()
        assert [json.dumps(each.draft.model_config) for each in versions] == [
            "{}",
            '{"b": 1, "aa": {"z": 1.0, "yy": 100000000000000000000000}}',
            '{"temperature": 0.5}',
        ]
        assert [each.content_hash for each in versions] == [
            content_hash(each.draft) for each in versions
        ]
        same = [each.content_hash == then for each, (_, then) in zip(versions, old, strict=True)]
        assert same == [True, False, True]
        with pytest.raises(IntegrityError, match="append-only"):
            async with connection.begin_nested():
                await connection.exec_driver_sql("UPDATE prompt_versions SET content_hash = 'x'")
        await step("0007", command.downgrade)
        found = await connection.exec_driver_sql(
            "SELECT content_hash, pg_typeof(model_config)::text FROM prompt_versions ORDER BY 1"
        )
        assert sorted(found.all()) == sorted((each, "jsonb") for _, each in old)
