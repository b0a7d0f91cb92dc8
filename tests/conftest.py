"""What all tests share: quiet frameworks, set before any of them is imported, and a cache and a state of their own."""

import os

import pytest

from porter.base.quiet import quiet_frameworks

quiet_frameworks()


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Nothing that tests keep between runs goes to the user's folders."""
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))


def pytest_collection_modifyitems(items):
    """Files with slow tests come first, so that processes that share the files end at the same time."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
