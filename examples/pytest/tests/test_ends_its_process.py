"""A crash and a hang. Leave this file out with `-- --ignore=tests/test_ends_its_process.py`."""

import os
import time


def test_crashes():
    os._exit(3)


def test_hangs():
    """Give it an end with `test_timeout_seconds`, here in assay.yaml."""
    time.sleep(3600)


def test_passes_after_them():
    pass
