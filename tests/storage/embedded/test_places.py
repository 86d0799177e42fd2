"""Folders that a database shouldn't be in."""

from pathlib import Path

import pytest

from storage.embedded import plans
from storage.embedded.lifecycle import ensure
from storage.embedded.paths import Root
from tests.storage.embedded.conftest import clean_up, copy_root
from tests.support.embedded import root_in

pytestmark = pytest.mark.slow


def test_a_network_file_system_is_warned_of(
    root: Root, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(plans, "_file_system", lambda path: "nfs4")

    ensure(root)

    (record,) = caplog.records
    assert "network file system (nfs4)" in record.getMessage()
    assert "PROMPTSTACK_DATA_DIR" in record.getMessage()


@pytest.mark.parametrize(
    ("mounts", "kind"),
    [
        ("disk / ext4 rw\nhost:/x {} nfs4 rw\n", "nfs4"),
        ("disk / ext4 rw\n", "ext4"),
        ("", ""),
        (None, ""),
    ],
    ids=["its own", "that above", "none is told", "nothing can be read"],
)
def test_which_file_system_a_folder_is_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mounts: str | None, kind: str
) -> None:
    def read(path: Path, **options: object) -> str:
        assert str(path) == "/proc/self/mounts"
        if mounts is None:
            raise FileNotFoundError
        return mounts.format(tmp_path)

    monkeypatch.setattr(Path, "read_text", read)
    assert plans._file_system(tmp_path / "below") == kind


def test_a_synced_folder_is_warned_of(
    folder: Path, made_root: Root, caplog: pytest.LogCaptureFixture
) -> None:
    root = root_in(folder / "Dropbox")
    copy_root(made_root, root)
    try:
        ensure(root)
    finally:
        clean_up(root)

    (record,) = caplog.records
    assert "synced between machines" in record.getMessage()


def test_a_local_folder_is_not_warned_of(root: Root, caplog: pytest.LogCaptureFixture) -> None:
    ensure(root)

    assert caplog.records == []
