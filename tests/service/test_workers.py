"""Workers that compare: what ends them, whom they make wait, and that none is left behind."""

import asyncio
import io
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
import regex

from mcp_server.domain.patterns import Comparison, Verdict
from mcp_server.service import comparing, workers
from mcp_server.service.workers import Busy, Crew, Lost, Worker
from tests.support.processes import PIPE, SECONDS, started

ENDLESS = [Comparison("(?:(?:(?:x{1,9}){1,9}){1,9}){1,9}", "x" * 999 + "y")]
"""Takes longer than anybody lives."""
LONG = 600.0
"""Seconds that no test takes."""
QUICK = [Comparison("[a-z]+", "abc"), Comparison("[a-z]+", "123"), Comparison("(")]
ANSWERS = [
    Verdict("match"),
    Verdict("mismatch"),
    Verdict("invalid", "missing ) at position 1"),
]
PARENT = """
import asyncio
from mcp_server.domain.patterns import Comparison
from mcp_server.service.workers import Crew

async def main():
    crew = Crew()
    endless = [Comparison("(?:(?:(?:x{1,9}){1,9}){1,9}){1,9}", "x" * 999 + "y")]
    await crew.compare([Comparison("a", "a")], seconds=1, rank=1)
    work = asyncio.create_task(crew.compare(endless, seconds=%s, rank=1))
    while not crew.processes:
        await asyncio.sleep(0.005)
    print(crew.processes[0], flush=True)
    await work

asyncio.run(main())
"""


@pytest.fixture
def crew():
    crew = Crew(patience_seconds=SECONDS)
    yield crew
    crew.close()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def until(condition, what: str) -> None:
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0.005)
    assert condition(), what


async def begun(crew: Crew, rank: int) -> tuple[asyncio.Task, int]:
    """Return work that doesn't end, and the process that is at it."""
    before = set(crew.processes)
    work = asyncio.create_task(crew.compare(ENDLESS, seconds=LONG, rank=rank))
    await until(lambda: set(crew.processes) - before, "somebody is at it")
    (pid,) = set(crew.processes) - before
    return work, pid


async def cancel(*tasks: asyncio.Task) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_comparisons_are_answered_in_order(crew):
    answer = await crew.compare(QUICK, seconds=LONG, rank=1)
    assert (answer.verdicts, answer.is_whole) == (ANSWERS, True)
    assert answer.seconds is not None


async def test_a_worker_goes_on_to_the_next_request(crew):
    assert not crew.processes
    used = set()
    for _ in range(3):
        work = asyncio.create_task(crew.compare(QUICK * 200, seconds=LONG, rank=1))
        await until(lambda: crew.processes or work.done(), "it is at work")  # noqa: B023
        used |= set(crew.processes)
        await work
    assert len(used) <= 1


async def test_the_kernel_ends_what_takes_too_long_and_what_was_done_counts(crew):
    answer = await crew.compare([*QUICK, *ENDLESS, *QUICK], seconds=0.05, rank=1)
    assert (answer.verdicts, answer.seconds) == (ANSWERS, None)
    assert (await crew.compare(QUICK, seconds=LONG, rank=1)).verdicts == ANSWERS


async def test_what_takes_too_much_memory_is_told_and_the_rest_is_left_to_another_worker():
    hungry = Comparison("(?:(?:(?:(a)?){50}){20}){19}")
    crew = Crew(memory=32 * 1024 * 1024)
    try:
        answer = await crew.compare([*QUICK, hungry, *QUICK], seconds=LONG, rank=1)
        assert (answer.verdicts, answer.is_whole) == ([*ANSWERS, Verdict("large")], False)
        assert (await crew.compare(QUICK, seconds=LONG, rank=1)).verdicts == ANSWERS
    finally:
        crew.close()


async def test_a_worker_that_somebody_kills_is_lost_and_the_next_one_works(crew):
    work, pid = await begun(crew, 1)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(Lost):
        await work
    assert (await crew.compare(QUICK, seconds=LONG, rank=1)).verdicts == ANSWERS
    assert not is_alive(pid)


async def test_who_no_longer_waits_ends_the_work(crew):
    work, pid = await begun(crew, 1)
    await cancel(work)
    await until(lambda: not is_alive(pid), "it was ended")


async def test_who_no_longer_waits_is_not_worked_for(crew):
    busy = [(await begun(crew, 1))[0] for _ in range(2)]
    waiting = asyncio.create_task(crew.compare(ENDLESS, seconds=LONG, rank=1))
    await asyncio.sleep(0)
    await cancel(waiting)
    await cancel(*busy)
    assert (await crew.compare(QUICK, seconds=LONG, rank=1)).verdicts == ANSWERS


async def test_what_is_to_be_feared_leaves_room_for_others(crew):
    """One of three for slow ones, two for them and unknown ones: the last is for quick ones."""
    slow, _ = await begun(crew, 2)
    other_slow = asyncio.create_task(crew.compare(QUICK, seconds=LONG, rank=2))
    unknown = await crew.compare(QUICK, seconds=LONG, rank=1)
    endless, _ = await begun(crew, 1)
    other_unknown = asyncio.create_task(crew.compare(QUICK, seconds=LONG, rank=1))
    quick = [await crew.compare(QUICK, seconds=LONG, rank=0) for _ in range(3)]
    assert [each.verdicts for each in (unknown, *quick)] == [ANSWERS] * 4
    assert not any(task.done() for task in (slow, other_slow, endless, other_unknown))
    await cancel(endless)
    assert (await other_unknown).verdicts == ANSWERS
    assert not other_slow.done()
    await cancel(slow)
    assert (await other_slow).verdicts == ANSWERS


async def test_only_so_many_may_wait(crew, monkeypatch):
    monkeypatch.setattr(workers, "MAX_WAITING", 1)
    busy = [(await begun(crew, 1))[0] for _ in range(2)]
    waiting = asyncio.create_task(crew.compare(ENDLESS, seconds=LONG, rank=1))
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await crew.compare(QUICK, seconds=LONG, rank=1)
    await cancel(waiting, *busy)


async def test_what_takes_too_long_on_the_clock_is_ended_too(crew, monkeypatch):
    monkeypatch.setattr(workers, "_RUN_SECONDS", 0.01)
    with pytest.raises(Busy):
        await crew.compare(ENDLESS, seconds=LONG, rank=1)
    monkeypatch.undo()
    await until(lambda: not crew.processes, "it was ended")
    assert (await crew.compare(QUICK, seconds=LONG, rank=1)).verdicts == ANSWERS


async def test_a_machine_without_room_for_a_process_or_a_thread_is_no_bug(crew, monkeypatch):
    monkeypatch.setattr(workers.sys, "executable", "/nowhere/python")
    with pytest.raises(Lost):
        await crew.compare(QUICK, seconds=LONG, rank=1)
    monkeypatch.undo()
    assert (await crew.compare(QUICK, seconds=LONG, rank=1)).verdicts == ANSWERS

    def refuse(thread):
        raise RuntimeError("can't start new thread")

    other = Crew()
    busy, _ = await begun(crew, 1)
    monkeypatch.setattr(workers.threading.Thread, "start", refuse)
    with pytest.raises(Lost):
        await other.compare(QUICK, seconds=LONG, rank=1)
    # Those who have a thread go on with it.
    waiting = asyncio.create_task(crew.compare(QUICK, seconds=LONG, rank=1))
    await asyncio.sleep(0)
    await cancel(busy)
    assert (await waiting).verdicts == ANSWERS


async def test_closing_ends_every_process_and_whoever_waits_is_told(crew):
    begun_tasks = [await begun(crew, 1) for _ in range(2)]
    waiting = asyncio.create_task(crew.compare(ENDLESS, seconds=LONG, rank=1))
    await asyncio.sleep(0)
    crew.close()
    assert not any(is_alive(pid) for _, pid in begun_tasks)
    tasks = [waiting, *(task for task, _ in begun_tasks)]
    told = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(each) for each in told] == [Lost] * 3
    with pytest.raises(Lost):
        await crew.compare(QUICK, seconds=LONG, rank=1)


async def test_closing_ends_a_worker_that_is_only_just_started(crew, monkeypatch):
    asked, go, started = threading.Event(), threading.Event(), []

    class Slow(Worker):
        def __init__(self, memory):
            asked.set()
            go.wait(60)
            super().__init__(memory)
            started.append(self.process.pid)

    monkeypatch.setattr(workers, "Worker", Slow)
    work = asyncio.create_task(crew.compare(ENDLESS, seconds=LONG, rank=1))
    await asyncio.to_thread(asked.wait, 60)
    closing = asyncio.create_task(asyncio.to_thread(crew.close))
    await until(lambda: crew._closed, "it is being closed")
    go.set()
    with pytest.raises(Lost):
        await work
    await closing
    assert not any(map(is_alive, started))


async def test_a_worker_without_work_ends(monkeypatch):
    started = []

    class Noted(Worker):
        def __init__(self, memory):
            super().__init__(memory)
            started.append(self.process.pid)

    monkeypatch.setattr(workers, "Worker", Noted)
    crew = Crew(idle_seconds=0.01)
    assert (await crew.compare(QUICK, seconds=LONG, rank=1)).verdicts == ANSWERS
    await until(lambda: not is_alive(started[0]), "it has ended")
    assert (await crew.compare(QUICK, seconds=LONG, rank=1)).verdicts == ANSWERS
    await until(lambda: not any(map(is_alive, started)), "the second one has ended, too")
    assert len(started) == 2


def test_a_worker_ends_when_its_standard_input_does():
    worker = Worker(workers.MEMORY)
    assert worker.compare(QUICK, LONG).verdicts == ANSWERS
    assert worker.end() == 0


def test_a_worker_that_does_not_end_is_killed(monkeypatch):
    monkeypatch.setattr(workers, "_END_SECONDS", 0.01)
    worker = Worker(workers.MEMORY)
    os.kill(worker.process.pid, signal.SIGSTOP)
    assert worker.end() == -signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="descriptors are counted in /proc")
def test_a_worker_inherits_nothing(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:secret@host/db")
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    worker = Worker(workers.MEMORY)
    try:
        assert worker.compare(QUICK, LONG).verdicts == ANSWERS
        place = Path(f"/proc/{worker.process.pid}")
        assert sorted(each.name for each in (place / "fd").iterdir()) == ["0", "1", "2"]
        assert b"secret" not in (place / "environ").read_bytes()
        assert os.readlink(place / "cwd") == "/"
    finally:
        worker.end()
        os.close(reading)
        os.close(writing)


def test_workers_end_with_a_server_that_is_killed():
    with started([sys.executable, "-c", PARENT % 0.2], stdout=PIPE, text=True) as parent:
        pid = int(parent.stdout.readline())
        parent.kill()
        parent.wait(SECONDS)
    deadline = time.monotonic() + SECONDS
    while _is_running(pid):
        assert time.monotonic() < deadline
        time.sleep(0.005)


def _is_running(pid: int) -> bool:
    """Tell whether a process is there; in a container, nobody may fetch those that have ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return sys.platform != "linux" and is_alive(pid)
    return state != "Z"


def test_the_program_answers_line_by_line_until_nothing_comes():
    reading, writing = os.pipe()
    with open(reading, "rb") as requests, open(writing, "wb") as pipe:
        pipe.write(b'[600, [["a", "a"], ["a", "b"], ["a", null]]]\n')
        pipe.flush()
        answers = io.BytesIO()

        def compare(pattern, text):
            pipe.close()
            return comparing.judge(regex, pattern, text)

        comparing.serve(requests, answers, compare)
    *lines, took = answers.getvalue().splitlines()
    assert lines == [b'["match", ""]', b'["mismatch", ""]', b'["match", ""]']
    assert float(took) < 600
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)


def test_the_program_ends_after_an_answer_that_took_too_much_memory(monkeypatch):
    def full(pattern):
        raise MemoryError

    monkeypatch.setattr(regex, "compile", full)
    reading, writing = os.pipe()
    with open(reading, "rb") as requests, open(writing, "wb") as pipe:
        pipe.write(b'[600, [["a", "a"], ["a", "b"]]]\n[600, []]\n')
        pipe.flush()
        answers = io.BytesIO()
        comparing.serve(requests, answers, lambda *pair: comparing.judge(regex, *pair))
    assert answers.getvalue().splitlines()[:-1] == [b'["large", ""]']


def test_a_reason_is_cut_to_what_a_pipe_takes_at_once():
    class Wordy:
        def compile(self, pattern):
            raise ValueError("x" * 5_000)

    assert comparing.judge(Wordy(), "a", None) == ("invalid", "x" * 500)


def test_the_program_ends_when_nobody_asks_for_long(monkeypatch):
    monkeypatch.setattr(comparing, "IDLE_SECONDS", 0.01)
    reading, writing = os.pipe()
    with open(reading, "rb") as requests, open(writing, "wb"):
        comparing.serve(requests, io.BytesIO(), lambda *pair: ("match", ""))
