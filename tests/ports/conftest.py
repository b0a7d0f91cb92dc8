import pytest

from tests.families import each_family
from tests.ports.porting import FAMILIES, Port, scaffold


@pytest.fixture(scope="session")
def ports(tmp_path_factory):
    """A family's port, made when it is first asked for."""
    made: dict[str, Port] = {}

    def get(family: str) -> Port:
        if family not in made:
            made[family] = scaffold(family, tmp_path_factory.mktemp(family))
        return made[family]

    return get


@pytest.fixture(scope="session", params=each_family(FAMILIES))
def port(request, ports):
    """Each family in turn."""
    return ports(request.param)
