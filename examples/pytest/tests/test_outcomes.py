"""Tests of which it is known what becomes of them. Their names say it."""

import pytest
import temperature


def test_passes():
    assert temperature.celsius(212) == 100


def test_shares_readings(readings):
    assert temperature.read(readings) == [59, 68, 77]


def test_shares_readings_too(readings):
    assert len(temperature.read(readings)) == 3


@pytest.mark.parametrize("text", ["32", "two\nlines", "\N{THERMOMETER}"])
def test_passes_with_any_text(text):
    assert text


def test_fails():
    assert temperature.celsius(0) == 0, "it is -17.8"


@pytest.fixture
def broken_thermometer():
    raise OSError("the thermometer is broken")


def test_is_an_error(broken_thermometer):
    pass


@pytest.mark.skip(reason="there is no snow in June")
def test_is_skipped():
    pass


@pytest.mark.xfail(reason="it was never built")
def test_is_expected_to_fail():
    temperature.kelvin(0)


tries = []


def test_is_flaky():
    """Fails the first time in a process and passes the second time: with retries it passes and is called flaky."""
    tries.append("try")
    assert len(tries) > 1


def test_fails_and_may_be_muted():
    """Once it is muted it still runs, and no longer fails the run."""
    assert temperature.celsius(32) == 32
