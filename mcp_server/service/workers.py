"""Workers: processes that compare texts with patterns, and the crew that keeps a few of them."""

import asyncio
import heapq
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import IO

from mcp_server.domain.patterns import Comparison, Verdict

WORKERS = 3
MEMORY = 256 * 1024 * 1024
"""Bytes of address space of a worker."""
MAX_WAITING = 1_000
"""Requests that may wait for a worker."""
IDLE_SECONDS = 10.0
"""How long a worker stays without a request."""
PATIENCE_SECONDS = 5.0
"""How long comparisons wait for a worker, while others are made."""
_RUN_SECONDS = 20.0
"""How long they may take by the clock, which runs ahead of processor time on a busy machine."""
_END_SECONDS = 2.0
_OUT_OF_TIME = -signal.SIGPROF
_PROGRAM = Path(__file__).with_name("comparing.py")
_PASSED_ON = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""Variables that an interpreter may need to start; any other one may hold a secret."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A worker's verdicts on the first of some comparisons, and the time that these took.

    `seconds` is processor time, None if the worker was ended for taking too much. `is_whole` is
    False if the worker stopped early for another reason, such as memory.
    """

    verdicts: Sequence[Verdict]
    seconds: float | None
    is_whole: bool = True


class Lost(Exception):
    """A worker couldn't be started, or was ended by somebody else."""


class Busy(Exception):
    """There are more comparisons than the workers can make in time."""


class Worker:
    """One process, and the two pipes to it."""

    def __init__(self, memory: int) -> None:
        """Start the process; `memory` limits its address space, in bytes.

        Raises:
            OSError: there is no room for another process.
        """
        spec = find_spec("regex")
        packages = Path(spec.origin or "").parents[1] if spec else ""  # it is a dependency
        # A child inherits no descriptor except the three that are named here.
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_PROGRAM), str(packages), str(memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
        )

    def compare(self, comparisons: Sequence[Comparison], seconds: float) -> Answer:
        """Make comparisons one after another, within `seconds` of processor time.

        Raises:
            Lost: the process was ended by somebody else.
        """
        verdicts: list[Verdict] = []
        with suppress(BrokenPipeError):
            self._send([seconds, [(each.pattern, each.value) for each in comparisons]])
            for line in self._stream(self.process.stdout):
                message = json.loads(line)
                if isinstance(message, float):
                    return Answer(verdicts, message, len(verdicts) == len(comparisons))
                verdicts.append(Verdict(*message))
        if self.end() == _OUT_OF_TIME:
            return Answer(verdicts, None)
        raise Lost

    def end(self) -> int:
        """End the process, killing it if it doesn't stop by itself, and return its exit code."""
        with suppress(BrokenPipeError):
            self._stream(self.process.stdin).close()
        try:
            code = self.process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self._stream(self.process.stdout).close()
        return code

    def kill(self) -> None:
        """End the process at once, even if its thread waits for an answer."""
        self.process.kill()

    def _send(self, request: object) -> None:
        stream = self._stream(self.process.stdin)
        stream.write(json.dumps(request).encode() + b"\n")
        stream.flush()

    @staticmethod
    def _stream(stream: IO[bytes] | None) -> IO[bytes]:
        assert stream is not None  # both are pipes
        return stream


@dataclass(eq=False, slots=True)
class Job:
    """Comparisons that a request waits for.

    The `rank` tells how slow they may be, from 0. Jobs of rank r and above always leave r workers
    to lower ranks, which also go first.
    """

    comparisons: Sequence[Comparison]
    seconds: float
    rank: int
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    worker: Worker | None = None
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    answer: asyncio.Future[Answer] = field(init=False)

    def __post_init__(self) -> None:
        self.answer = self.loop.create_future()

    async def done(self, patience: float) -> Answer:
        """Wait until a worker has begun, then for its answer.

        Raises:
            TimeoutError: either takes too long.
        """
        async with asyncio.timeout(patience):
            await self.begun.wait()
        async with asyncio.timeout(_RUN_SECONDS):
            return await self.answer

    def begin(self) -> None:
        """Signal from a worker's thread that it begins; the waiting loop may be gone."""
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self.begun.set)

    def tell(self, answer: Answer | Exception) -> None:
        """Hand the answer over from a worker's thread."""
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self._set, answer)

    def _set(self, answer: Answer | Exception) -> None:
        self.begun.set()
        if self.answer.done():
            return
        if isinstance(answer, Exception):
            self.answer.set_exception(answer)
        else:
            self.answer.set_result(answer)


class Crew:
    """A few workers, started when needed, each with a thread that waits for it."""

    def __init__(
        self,
        *,
        size: int = WORKERS,
        memory: int = MEMORY,
        idle_seconds: float = IDLE_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._size = size
        self._memory = memory
        self._idle_seconds = idle_seconds
        self._patience = patience_seconds
        self._changed = threading.Condition()
        self._waiting: list[tuple[int, int, Job]] = []
        self._numbers = count()
        self._running: list[Job] = []
        self._threads: set[threading.Thread] = set()
        self._closed = False

    @property
    def processes(self) -> list[int]:
        """The process ids of the workers that have a job."""
        with self._changed:
            return [job.worker.process.pid for job in self._running if job.worker is not None]

    async def compare(
        self, comparisons: Sequence[Comparison], *, seconds: float, rank: int
    ) -> Answer:
        """Make comparisons on the next worker that is free for their rank.

        Cancelling the call ends the work as well.

        Raises:
            Busy: too many comparisons are waiting, or these take too long.
            Lost: the worker couldn't be started, or was ended.
        """
        job = Job(comparisons, seconds, rank)
        self._submit(job)
        try:
            return await job.done(self._patience)
        except TimeoutError:
            raise Busy from None
        finally:
            self._withdraw(job)

    def close(self) -> None:
        """End all processes, and take no more comparisons."""
        with self._changed:
            self._closed = True
            waiting = [job for _, _, job in self._waiting]
            self._waiting.clear()
            for job in self._running:
                if job.worker is not None:
                    job.worker.kill()
            self._changed.notify_all()
            threads = list(self._threads)
        for job in waiting:
            job.tell(Lost())
        for thread in threads:
            thread.join(_END_SECONDS)

    def _submit(self, job: Job) -> None:
        with self._changed:
            if self._closed:
                raise Lost
            if len(self._waiting) >= MAX_WAITING:
                raise Busy
            free = len(self._threads) - len(self._running)
            if len(self._waiting) >= free and len(self._threads) < self._size:
                self._hire()
            heapq.heappush(self._waiting, (job.rank, next(self._numbers), job))
            self._changed.notify()

    def _hire(self) -> None:
        thread = threading.Thread(target=self._work, name="patterns", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the machine has no room for one
            if not self._threads:
                raise Lost from None
            return
        self._threads.add(thread)

    def _withdraw(self, job: Job) -> None:
        """End the work on an unfinished job whose caller no longer waits."""
        if not job.answer.cancel() and not job.answer.cancelled():
            return
        with self._changed:
            if job in self._running and job.worker is not None:
                job.worker.kill()

    def _work(self) -> None:
        """Do jobs until none has come for a while; the body of a worker's thread."""
        worker = None
        try:
            while (job := self._next_job()) is not None:
                worker = self._do(job, worker)
        finally:
            with self._changed:
                self._threads.discard(threading.current_thread())
            if worker is not None:
                worker.end()

    def _next_job(self) -> Job | None:
        with self._changed:
            has_next = self._changed.wait_for(self._has_next, self._idle_seconds)
            if self._closed or not has_next:
                self._threads.discard(threading.current_thread())
                return None
            _, _, job = heapq.heappop(self._waiting)
            self._running.append(job)
            return job

    def _has_next(self) -> bool:
        if self._closed:
            return True
        rank = self._waiting[0][0] if self._waiting else None
        return rank is not None and all(
            sum(job.rank >= each for job in self._running) < self._size - each
            for each in range(rank + 1)
        )

    def _do(self, job: Job, worker: Worker | None) -> Worker | None:
        """Do a job, starting a worker if there is none; return the worker to keep, if any."""
        answer: Answer | Exception
        try:
            if job.answer.cancelled():
                return worker
            job.begin()
            worker = worker or Worker(self._memory)
            self._assign(job, worker)
            answer = worker.compare(job.comparisons, job.seconds)
            if answer.seconds is None or not answer.is_whole:
                worker.end()
                worker = None
        except Exception as error:
            # It was ended, couldn't start, or sent garbage: the next job gets a new worker.
            if worker is not None:
                worker.kill()
                worker.end()
            answer, worker = Lost(str(error)), None
        finally:
            with self._changed:
                self._running.remove(job)
                self._changed.notify_all()
        job.tell(answer)
        return worker

    def _assign(self, job: Job, worker: Worker) -> None:
        """Record a job's worker, so that the job can be stopped from now on."""
        with self._changed:
            job.worker = worker
            if self._closed or job.answer.cancelled():
                worker.kill()
