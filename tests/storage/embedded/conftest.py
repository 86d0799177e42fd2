"""Data roots to start, kill and break, and clients to do it with."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from storage.embedded.lifecycle import ensure, stop
from storage.embedded.paths import Root
from tests.storage.embedded.clients import Client, processes_of, wait_until
from tests.support.embedded import root_in
from tests.support.postgres import memory_or_disk
from tests.support.processes import run

_ENOUGH_MEMORY = 2 * 2**30


@pytest.fixture(scope="session")
def made_root() -> Iterator[Root]:
    """A data root with a cluster in it that never runs again: tests copy it."""
    with folder_for_all() as folder:
        root = root_in(folder)
        ensure(root)
        stop(root)
        yield root


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder that the server's account can reach, unlike pytest's own."""
    with folder_for_all() as folder:
        yield folder


@pytest.fixture
def new_root(folder: Path) -> Iterator[Root]:
    """A data root where nothing is yet."""
    root = root_in(folder, idle_seconds=60)
    yield root
    clean_up(root)


@pytest.fixture
def root(new_root: Root, made_root: Root) -> Root:
    """A data root with a cluster in it that doesn't run."""
    copy_root(made_root, new_root)
    return new_root


@pytest.fixture
def hasty_root(root: Root) -> Root:
    """The same, of a server that doesn't wait long."""
    return replace(root, idle_seconds=0.5)


@pytest.fixture
def client() -> Iterator[Callable[..., Client]]:
    """Start clients that are gone after the test."""
    clients: list[Client] = []

    def start(root: Root, **options: Any) -> Client:
        clients.append(Client(root, **options))
        return clients[-1]

    yield start
    for started in clients:
        started.clean_up()


def copy_root(source: Root, target: Root) -> None:
    target.path.parent.mkdir(parents=True, exist_ok=True)
    run(["cp", "-a", source.path, target.path], check=True)


def clean_up(root: Root) -> None:
    stop(root)
    wait_until(lambda: not processes_of(root), f"no process of '{root.path}' is left")
    if root.sockets.parent != root.path:
        shutil.rmtree(root.sockets, ignore_errors=True)


@contextmanager
def folder_for_all() -> Iterator[Path]:
    """Make a folder that every user may pass, for as long as the block lasts."""
    parent = memory_or_disk(_ENOUGH_MEMORY, runs_programs=True)
    folder = Path(tempfile.mkdtemp(prefix="ps-embedded-", dir=parent))
    if os.geteuid() == 0:
        folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
