"""One PostgreSQL a worker, migrated once; a database of its own for each test that asks."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from itertools import count

import pytest

from storage.connectors import Connector, UrlConnector
from storage.database import Database
from storage.schema import migrate
from tests.support.postgres import Server, from_environment
from tests.support.processes import PATIENT, hand_down_default_signals
from tests.support.sharing import share_checked_schemas, share_statements

hand_down_default_signals()
os.environ.update(PATIENT)

_numbers = count()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="fail where a test is skipped")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reasons = Counter(_reason(each) for each in terminalreporter.stats.get("skipped", ()))
    for reason, times in reasons.most_common():
        terminalreporter.write_line(f"skipped: {times} × {reason}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter is not None and reporter.stats.get("skipped")
    if skipped and session.config.getoption("--no-skips"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _reason(report: pytest.TestReport) -> str:
    told = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return told.removeprefix("Skipped: ")


def pytest_xdist_auto_num_workers() -> int | None:
    """One more than processors: tests wait for processes that they start, and for databases."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
    return (len(usable) or os.cpu_count() or 1) + 1


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    with from_environment() as server:
        yield server


@pytest.fixture(scope="session", autouse=True)
def shared_work() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        share_statements(patch)
        share_checked_schemas(patch)
        yield


def _unique_name(kind: str) -> str:
    return f"ps_{kind}_{os.getpid()}_{next(_numbers)}"


@pytest.fixture(scope="session")
def template(postgres: Server) -> Iterator[str]:
    """The name of a migrated, empty database to clone."""
    name = _unique_name("tpl")
    asyncio.run(postgres.create_database(name))
    asyncio.run(migrate(UrlConnector(postgres.url(name))))
    asyncio.run(postgres.freeze_template(name))
    yield name
    asyncio.run(postgres.drop_database(name))


@pytest.fixture
def database_url(postgres: Server, template: str) -> Iterator[str]:
    """The URL of a migrated, empty database of this test alone."""
    name = _unique_name("test")
    asyncio.run(postgres.create_database(name, template))
    yield postgres.url(name)
    asyncio.run(postgres.drop_database(name))


@pytest.fixture
def empty_database_url(postgres: Server) -> Iterator[str]:
    """The URL of a database without any table."""
    name = _unique_name("empty")
    asyncio.run(postgres.create_database(name))
    yield postgres.url(name)
    asyncio.run(postgres.drop_database(name))


@pytest.fixture
def connector(database_url: str) -> Connector:
    return UrlConnector(database_url)


@pytest.fixture
async def database(connector: Connector) -> AsyncIterator[Database]:
    opened = Database(connector)
    yield opened
    await opened.close()


@pytest.fixture
async def other_database(postgres: Server, template: str) -> AsyncIterator[Database]:
    """A second database, as empty as the first."""
    name = _unique_name("other")
    await postgres.create_database(name, template)
    opened = Database(UrlConnector(postgres.url(name)))
    yield opened
    await opened.close()
    await postgres.drop_database(name)
