"""Which cluster it is, wherever it lies."""

import shutil
from pathlib import Path

import pytest

from storage.embedded.identity import CONTROL, Held


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory, as far as it tells which cluster it is."""
    control = tmp_path / "data" / CONTROL
    control.parent.mkdir(parents=True)
    control.write_bytes(b"12345678 and more")
    return tmp_path / "data"


def test_a_cluster_is_known_wherever_it_is_moved(data: Path) -> None:
    held = Held(data)
    assert held.is_in(data)
    moved = data.rename(data.with_name("moved"))
    assert held.is_in(moved)
    assert not held.is_in(data)
    assert held.is_same(Held(moved))


def test_a_copy_is_another_cluster(data: Path) -> None:
    held, copy = Held(data), data.with_name("copy")
    shutil.copytree(data, copy)
    assert not held.is_in(copy)
    assert not held.is_same(Held(copy))


def test_a_cluster_whose_file_another_one_was_copied_over_isnt_itself(data: Path) -> None:
    held = Held(data)
    (data / CONTROL).write_bytes(b"87654321 and more")
    assert not held.is_in(data)


def test_a_folder_without_a_cluster_cant_be_held(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Held(tmp_path)
