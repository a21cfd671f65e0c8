"""What changed this week is said when it is more than chance, and else is not."""

from __future__ import annotations

from datetime import date

import pandas as pd

from dashboard.news import failing, spreading, unknown
from tests.dashboard.rows import plainly


def versions(*rows: tuple[str, int, int]) -> pd.DataFrame:
    """Rows of version, installs and the installs of the week before."""
    frame = pd.DataFrame(rows, columns=["version", "installs", "before"])
    return frame.assign(
        share=frame["installs"] / frame["installs"].sum(),
        share_before=frame["before"] / frame["before"].sum(),
    )


def solutions(*rows: tuple[str, int, int, int, int]) -> pd.DataFrame:
    """Rows as of `success_shifts`."""
    columns = ["solution", "attempts", "succeeded", "attempts_before", "succeeded_before"]
    return pd.DataFrame(rows, columns=columns)


def errors(*rows: tuple[str, str, str, date, int]) -> pd.DataFrame:
    """Rows as of `new_errors`."""
    return pd.DataFrame(rows, columns=["fingerprint", "type", "where", "first_day", "installs"])


def test_a_version_that_took_over_is_news() -> None:
    found = spreading(versions(("2.1", 60, 40), ("2.0", 40, 60)))
    assert found is not None
    assert plainly(found.said) == (
        "Version 2.1 took over from 2.0: 60 % of 100 active installs, 40 % the week before."
    )
    assert found.page == "adoption"


def test_a_version_that_spreads_fast_is_news_and_a_slow_one_is_none() -> None:
    found = spreading(versions(("2.1", 30, 20), ("2.0", 70, 80)))
    assert found is not None
    assert "2.1 spreads: 30 % of 100" in plainly(found.said)
    assert spreading(versions(("2.1", 22, 20), ("2.0", 78, 80))) is None
    assert spreading(versions(("2.1", 12, 2), ("2.0", 2, 12))) is None  # too few to speak of


def test_success_that_fell_beyond_chance_is_news() -> None:
    found = failing(solutions(("a", 100, 50, 400, 360), ("b", 100, 89, 400, 360)))
    assert found is not None
    assert plainly(found.said) == (
        "a succeeds less often: 50 % of 100 attempts, 90 % in the four weeks before."
    )
    assert failing(solutions(("b", 100, 89, 400, 360))) is None
    assert failing(solutions(("c", 10, 0, 400, 400))) is None  # too few to speak of


def test_a_new_error_is_news_with_its_fingerprint() -> None:
    when = date(2026, 11, 20)
    found = unknown(
        errors(("f" * 16, "KeyError", "m:g", when, 12), ("e" * 16, "X", "m:h", when, 1))
    )
    assert found is not None
    assert found.said.replace("\\", "") == (
        "KeyError in m.g is new: 12 installs have met it since 20 Nov 2026. 1 more is new."
    )
    assert found.error == "f" * 16
    assert unknown(errors()) is None
