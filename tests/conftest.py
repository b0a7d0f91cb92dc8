"""What all tests share: quiet frameworks, set before any of them is imported, and a cache and a state of their own."""

import os
from pathlib import Path

import pytest

from porter.base.quiet import quiet_frameworks

quiet_frameworks()


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Nothing that tests keep between runs goes to the user's folders."""
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))


PORTS = Path(__file__).parent / "ports"


def pytest_collection_modifyitems(items):
    """A process takes whole files, and all of ports/, whose ports it then makes once.

    What is slow comes first, so that processes that share the tests end at the same time.
    """
    for item in items:
        together = PORTS if PORTS in item.path.parents else item.path
        item.add_marker(pytest.mark.xdist_group(str(together)))
    slow = {item.path for item in items if item.get_closest_marker("slow") or PORTS in item.path.parents}
    items.sort(key=lambda item: item.path not in slow)
