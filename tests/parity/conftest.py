"""Fixtures: a server per module (`cairn`), and servers of a test's own (`new_cairn`)."""

import itertools
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from server import Server, free  # noqa: E402


def end(server):
    if server.running:
        assert server.stop() == 0, server.log.read_text()[-4000:]


@pytest.fixture(scope="module")
def cairn(request, tmp_path_factory):
    """The module's server; `SETTINGS` of the module says how it is started."""
    folder = tmp_path_factory.mktemp("cairn")
    server = Server(folder, **getattr(request.module, "SETTINGS", {})).start()
    yield server
    end(server)
    free(folder / "data")


@pytest.fixture
def new_cairn(tmp_path):
    """Starts servers for this test alone."""
    servers = []

    def start(**settings):
        server = Server(tmp_path / f"cairn{len(servers)}", **settings)
        servers.append(server)
        return server.start()

    yield start
    for server in servers:
        end(server)
    free(tmp_path)


NUMBERS = itertools.count(1)


@pytest.fixture
def name():
    """A name that nothing else of the run has."""
    return f"n{next(NUMBERS):04}-parity"


@pytest.fixture
def s3(cairn):
    return cairn.client("s3")


@pytest.fixture
def bucket(s3, name):
    s3.create_bucket(Bucket=name)
    return name
