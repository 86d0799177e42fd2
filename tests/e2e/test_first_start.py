"""The first start ever, on the embedded PostgreSQL, by an IDE that opens several windows."""

import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage.embedded.lifecycle import status, stop
from tests.e2e.process import serving
from tests.support.embedded import root_in
from tests.support.postgres import memory_or_disk

pytestmark = pytest.mark.slow


@pytest.fixture
def fresh():
    """A data folder where nothing is yet."""
    parent = memory_or_disk(2**30, runs_programs=True)
    folder = Path(tempfile.mkdtemp(prefix="ps-first-", dir=parent))
    yield folder
    stop(root_in(folder))
    shutil.rmtree(folder)


def _environment(folder: Path) -> dict[str, str]:
    root = str(Path(__file__).parents[2])
    return {"PROMPTSTACK_DATA_DIR": str(folder), "PYTHONPATH": root}


def test_ten_processes_at_once_on_a_fresh_folder_all_answer_from_one_server(fresh, tmp_path):
    def converse(number: int) -> str:
        with serving(_environment(fresh), tmp_path) as server:
            server.shake_hands()
            answer = server.call("create_prompt", name=f"from-{number}", template="x")
            assert not answer.get("isError"), answer
            assert server.finish() == (0, "")
            return f"from-{number}"

    with ThreadPoolExecutor(10) as pool:
        made = set(pool.map(converse, range(10)))
    assert status(root_in(fresh)).running
    with serving(_environment(fresh), tmp_path) as server:
        server.shake_hands()
        assert {prompt["name"] for prompt in server.ask("prompts/list")["prompts"]} == made
