import pytest

from porter.rewrite.reading.source import Source
from tests.rewrite.porting import Ported, port, tiny_subject


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Ported:
    """The fixture with each construct once."""
    subject = tiny_subject("tiny", ("TinyModel", "TinyForTokenClassification"), {})
    return port(subject, tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def left(tmp_path_factory) -> Ported:
    """The fixture with what porter cannot translate."""
    return port(tiny_subject("left", ("LeftModel",), {}), tmp_path_factory.mktemp("left"))


@pytest.fixture(scope="session")
def source(tiny) -> Source:
    return Source(tiny.subject)


@pytest.fixture(scope="session")
def odd(tmp_path_factory) -> Ported:
    """The fixture with what modeling files also do."""
    return port(tiny_subject("odd", ("OddModel",), {}), tmp_path_factory.mktemp("odd"))


@pytest.fixture(scope="session")
def rare(tmp_path_factory) -> Ported:
    """The fixture with what few modeling files do."""
    return port(tiny_subject("rare", ("RareModel",), {}), tmp_path_factory.mktemp("rare"))


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Ported:
    """The fixture with layers made in all the ways that people make them."""
    return port(tiny_subject("made", ("MadeModel",), {}), tmp_path_factory.mktemp("made"))
