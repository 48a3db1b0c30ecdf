"""What each test sees of numpy is shown beside its outcome. The tests are skipped where numpy is not installed."""

import sys
from unittest import mock

import pytest

numpy = pytest.importorskip("numpy")


def test_numpy_is_real():
    assert numpy.mean([59, 77]) == 68


def test_numpy_is_mocked():
    with mock.patch("numpy.mean", return_value=0):
        assert numpy.mean([59, 77]) == 0


def test_numpy_is_replaced(monkeypatch):
    monkeypatch.setitem(sys.modules, "numpy", mock.MagicMock())
    import numpy as replaced

    replaced.mean([59, 77])
