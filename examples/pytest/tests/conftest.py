import pytest


@pytest.fixture(scope="module")
def readings(tmp_path_factory):
    """Made once for a file of tests: those that use it run in one process."""
    path = tmp_path_factory.mktemp("readings") / "june.txt"
    path.write_text("59\n68\n77\n")
    return path
