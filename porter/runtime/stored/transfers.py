"""Bounds on what the Hub may make a program wait for: between two requests, for an answer, and for its bytes."""

from __future__ import annotations

import concurrent.futures
import importlib
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from porter.base.errors import PorterError
from porter.runtime.port_errors import PortError

LONGEST_WAIT = 60
RETRIED = (429, 500, 502, 503, 504)
LATER = "run the command again later"


class HubError(PorterError, PortError):
    """The Hub refused, failed, or cannot be reached; what is on disk is whole."""


@dataclass(frozen=True)
class Bounds:
    """How slow, how long and how large an answer of the Hub may be.

    Attributes:
        grace: seconds before the rate of a body is looked at.
        slowest: bytes a second that a body must have on the average after that.
        answer: seconds until an answer begins, and for which the line may be silent.
        longest: seconds that one body may take, at whatever rate.
        largest: bytes of an answer that is read as a whole, such as a list of files.
        repeated: requests for one address, as for the pages of a list.
    """

    grace: float = 30.0
    slowest: float = 1000.0
    answer: float = 120.0
    longest: float = 86_400.0
    largest: int = 100_000_000
    repeated: int = 1000

    def allows(self, received: int, seconds: float) -> bool:
        """Whether to go on waiting after so many bytes in so many seconds."""
        return seconds < self.grace or (seconds < self.longest and received >= self.slowest * (seconds - self.grace))


BOUNDS = Bounds()


@contextmanager
def bounded_transfers() -> Iterator[None]:
    """Let huggingface_hub keep to the bounds; within the block it transfers by HTTP alone.

    Its other way, xet, is native code that no bound reaches; a user who sets HF_HUB_DISABLE_XET=0 has it all the same.
    """
    from huggingface_hub import constants

    bound_session()
    before = constants.HF_HUB_DISABLE_XET
    constants.HF_HUB_DISABLE_XET = before or "HF_HUB_DISABLE_XET" not in os.environ
    try:
        yield
    finally:
        constants.HF_HUB_DISABLE_XET = before


def bound_session(bounds: Bounds = BOUNDS) -> None:
    """Let huggingface_hub's own client, which waits for whatever a server does, keep to the first bounds given."""
    from huggingface_hub.utils import get_session

    client = get_session()
    if not hasattr(client, "event_hooks"):  # of a version before 1.0
        return
    if not hasattr(client.send, "bounds"):
        library = importlib.import_module(type(client).__module__.partition(".")[0])
        if client.timeout == library.Timeout(None):
            client.timeout = library.Timeout(bounds.answer)
        client.send = _bounded(client.send, bounds, library.SyncByteStream)


def _bounded(send: Callable[..., Any], bounds: Bounds, stream_class: Any) -> Callable[..., Any]:
    """The client's method `send`, which every request goes through."""
    asked: Counter[str] = Counter()

    class Watched(stream_class):
        """The bytes of a request or of an answer, each told to `seen` when it passes."""

        def __init__(self, inner: Any, seen: Callable[[int], None]) -> None:
            self.inner, self.seen = inner, seen

        def __iter__(self) -> Iterator[bytes]:
            for chunk in self.inner:
                yield chunk
                self.seen(len(chunk))

        def close(self) -> None:
            self.inner.close()

    def bounded_send(request: Any, *, stream: bool = False, **options: Any) -> Any:
        address = f"{request.method} {request.url.copy_with(query=None)}"
        asked[address] += 1
        if asked[address] > bounds.repeated:
            raise HubError("The Hub's answer does not end: it is always continued.", hint=LATER)
        sending = Sending(bounds)
        if isinstance(request.stream, stream_class):
            request.stream = Watched(request.stream, sending.seen)
        response = sending.until_answered(lambda: send(request, stream=True, **options))
        response.stream = Watched(response.stream, Receiving(bounds, whole=not stream).seen)
        try:
            wait = asked_wait(response.status_code, response.headers)
            if wait > LONGEST_WAIT:
                raise HubError(f"The Hub asks to wait {wait} seconds.", hint=LATER)
            if not stream:
                response.read()
        except BaseException:
            response.close()
            raise
        return response

    bounded_send.bounds = bounds  # type: ignore[attr-defined]
    return bounded_send


@dataclass
class Sending:
    """A request on its way: when its last bytes left, and how many they were."""

    bounds: Bounds
    started: float = field(default_factory=time.monotonic)
    last: float = field(default_factory=time.monotonic)
    size: int = 0

    def seen(self, size: int) -> None:
        """So many bytes have left."""
        self.last, self.size = time.monotonic(), size

    def left(self) -> float:
        """Seconds until the next bytes have to leave, or the answer has to begin."""
        now = time.monotonic()
        patience = self.last + self.bounds.answer + self.size / self.bounds.slowest
        return min(patience, self.started + self.bounds.longest) - now

    def until_answered(self, send: Callable[[], Any]) -> Any:
        """What `send` returns. It runs in a thread, since a server may give the lines before a body byte by byte.

        Raises:
            HubError: the server takes too long; the thread is left alone, and what it gets is closed.
        """
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()

        def run() -> None:
            try:
                future.set_result(send())
            except BaseException as error:  # noqa: BLE001 - whoever waits gets it, whatever it is
                future.set_exception(error)

        threading.Thread(target=run, daemon=True).start()
        while not future.done() and (left := self.left()) > 0:
            concurrent.futures.wait([future], left)
        if not future.done():
            future.add_done_callback(lambda done: done.exception() or done.result().close())
            seconds = time.monotonic() - self.started
            raise HubError(f"The Hub has not answered in {seconds:.0f} seconds.", hint=LATER)
        return future.result()


@dataclass
class Receiving:
    """The body of an answer: how much of it has come, since when."""

    bounds: Bounds
    whole: bool
    started: float = field(default_factory=time.monotonic)
    received: int = 0

    def seen(self, size: int) -> None:
        """So many bytes have come.

        Raises:
            HubError: they come too slowly, or are too many for an answer that is read as a whole.
        """
        self.received += size
        seconds = time.monotonic() - self.started
        if not self.bounds.allows(self.received, seconds):
            raise HubError(f"The Hub sends {self.received / seconds:.0f} bytes a second only.", hint=LATER)
        if self.whole and self.received > self.bounds.largest:
            raise HubError(f"The Hub's answer is longer than {self.bounds.largest:,} bytes.", hint=LATER)


def asked_wait(status: int, headers: Mapping[str, str]) -> int:
    """The seconds that a refused request is to wait: `Retry-After: 120`, or `RateLimit: "api";r=0;t=120`; else 0."""
    if status not in RETRIED:
        return 0
    limit = re.search(r"\br=0+\s*;\s*t=(\d+)", headers.get("RateLimit", ""), re.ASCII)
    found = limit[1] if limit else headers.get("Retry-After", "").strip()
    return int(found) if re.fullmatch(r"\d{1,12}", found, re.ASCII) else 0


def network_errors() -> tuple[type[BaseException], ...]:
    """What the HTTP library beneath huggingface_hub raises; which library it is depends on the version."""
    found: list[type[BaseException]] = [ConnectionError, TimeoutError]
    for name, kinds in (
        ("httpx2", ("RequestError", "InvalidURL")),
        ("httpx", ("RequestError", "InvalidURL")),
        ("requests", ("RequestException",)),
    ):
        try:
            library = importlib.import_module(name)
        except ImportError:
            continue
        found += [getattr(library, kind) for kind in kinds]
    return tuple(found)
