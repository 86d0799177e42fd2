"""What pytest does for the mutants: it notes which test reaches what, and runs those chosen."""

import json
import os
import time
from collections.abc import Generator, Iterable
from pathlib import Path

import pytest
from coverage import Coverage


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--note-seconds", type=Path, help="write how long what passed took")
    parser.addoption("--chosen", type=Path, help="run the tests that this file lists, in its order")


def pytest_configure(config: pytest.Config) -> None:
    if noted := config.getoption("--note-seconds"):
        config.pluginmanager.register(_Noting(noted))
    if chosen := config.getoption("--chosen"):
        config.pluginmanager.register(_Choosing(json.loads(chosen.read_text())))


class _Noting:
    """Gives what coverage measures the name of the test, in the programs it starts too."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seconds: dict[str, float] = {}
        self._failed: set[str] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        measuring = Coverage.current()
        assert measuring is not None, "Start pytest with `coverage run -m pytest`."
        measuring.switch_context(item.nodeid)
        measuring.config.context = item.nodeid
        os.environ["COVERAGE_PROCESS_CONFIG"] = measuring.config.serialize()
        begun = time.perf_counter()
        done = yield
        self._seconds[item.nodeid] = round(time.perf_counter() - begun, 3)
        return done

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.passed:
            self._failed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        passed = {test: took for test, took in self._seconds.items() if test not in self._failed}
        self._file.write_text(json.dumps(passed))


class _Choosing:
    """Runs some of the tests, in an order of its own."""

    def __init__(self, chosen: Iterable[str]) -> None:
        self._places = {test: place for place, test in enumerate(chosen)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self._places),
            key=lambda item: self._places[item.nodeid],
        )
