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
