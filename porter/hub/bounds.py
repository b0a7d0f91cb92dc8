"""Bounds on what the Hub may make porter wait for: between two requests, and for the bytes of an answer."""

from __future__ import annotations

import importlib
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from porter.base.errors import PorterError

LONGEST_WAIT = 60
RETRIED = (429, 500, 502, 503, 504)
LATER = "run the command again later"


class HubError(PorterError):
    """The Hub refused, failed, or cannot be reached; what is on disk is whole."""


@dataclass(frozen=True)
class Pace:
    """How slow an answer may be: after so many seconds at least so many bytes a second, on the average."""

    grace: float = 30.0
    slowest: float = 1000.0

    def allows(self, received: int, seconds: float) -> bool:
        """Whether to go on waiting after so many bytes in so many seconds."""
        return seconds < self.grace or received >= self.slowest * (seconds - self.grace)


PACE = Pace()


def bound_session(pace: Pace = PACE) -> None:
    """Let huggingface_hub's own client, which waits for whatever a server says, keep to the bounds."""
    from huggingface_hub.utils import get_session

    client = get_session()
    if not hasattr(client, "event_hooks"):  # of a version before 1.0
        return
    hooks = client.event_hooks
    if not any(getattr(hook, "bounds", None) == pace for hook in hooks["response"]):
        client.event_hooks = {**hooks, "response": [*hooks["response"], _bounded(client, pace)]}


def _bounded(client: Any, pace: Pace) -> Callable[[Any], None]:
    """The hook that is given each answer before its body is read."""
    library = importlib.import_module(type(client).__module__.partition(".")[0])

    class Bounded(library.SyncByteStream):  # type: ignore[misc, name-defined]
        """The bytes of an answer, until they come too slowly."""

        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def __iter__(self) -> Iterator[bytes]:
            started, received = time.monotonic(), 0
            for chunk in self.inner:
                yield chunk
                received += len(chunk)
                if not pace.allows(received, time.monotonic() - started):
                    rate = received / (time.monotonic() - started)
                    raise HubError(
                        f"The Hub sends {rate:.0f} bytes a second only.", hint="run the command again later"
                    )

        def close(self) -> None:
            self.inner.close()

    def hook(response: Any) -> None:
        wait = asked_wait(response.status_code, response.headers)
        if wait > LONGEST_WAIT:
            raise HubError(f"The Hub asks to wait {wait} seconds.", hint=LATER)
        response.stream = Bounded(response.stream)

    hook.bounds = pace  # type: ignore[attr-defined]
    return hook


def asked_wait(status: int, headers: Mapping[str, str]) -> int:
    """The seconds that a refused request is to wait: `Retry-After: 120`, or `RateLimit: "api";r=0;t=120`; else 0."""
    if status not in RETRIED:
        return 0
    limit = re.search(r"\br=0+\s*;\s*t=(\d+)", headers.get("RateLimit", ""), re.ASCII)
    found = limit[1] if limit else headers.get("Retry-After", "").strip()
    return int(found) if re.fullmatch(r"\d{1,12}", found, re.ASCII) else 0
