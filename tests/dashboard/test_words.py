"""How numbers, versions and names from outside are said."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from dashboard import words
from dashboard.analysis.scope import seen_from, start_of
from dashboard.findings import error_name
from dashboard.sentry import SentryLinks
from dashboard.shapes import last_complete_week
from dashboard.versions import newest_first
from ingest.store import SettingError


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "0"), (1204, "1,204"), (12_400, "12.4 k"), (3_100_000, "3.1 M"), (-5, "-5")],
)
def test_count(number: float, said: str) -> None:
    assert words.count(number) == said


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 installs"), (1, "1 install"), (1204, "1,204 installs")]
)
def test_counted(number: float, said: str) -> None:
    assert words.counted(number, "install") == said


@pytest.mark.parametrize(
    ("fraction", "said"),
    [(0, "0 %"), (0.384, "38 %"), (0.013, "1.3 %"), (0.994, "99.4 %"), (1, "100 %")],
)
def test_percent(fraction: float, said: str) -> None:
    assert words.percent(fraction) == said.replace(" ", "\N{NO-BREAK SPACE}")


@pytest.mark.parametrize(
    ("milliseconds", "said"),
    [(340, "340 ms"), (2_400, "2.4 s"), (41_000, "41 s"), (120_000, "2 min"), (210_000, "3.5 min")],
)
def test_duration(milliseconds: float, said: str) -> None:
    assert words.duration(milliseconds) == said


@pytest.mark.parametrize(
    ("past", "said"),
    [
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=2), "2 min ago"),
        (timedelta(hours=47), "47 h ago"),
        (timedelta(days=4), "4 days ago"),
    ],
)
def test_ago(past: timedelta, said: str) -> None:
    assert words.ago(past) == said


def test_a_share_has_its_base() -> None:
    assert words.share(157, 412) == "38\N{NO-BREAK SPACE}% of 412"
    assert words.share(0, 0) == "–"


def test_words_from_outside_are_only_shown() -> None:
    hostile = "[x](http://evil) <b>**bold**</b>\n# head $x$ :red[y]"
    plain = words.plain_markdown(hostile)
    assert "\n" not in plain
    assert plain == (
        "\\[x\\]\\(http\u2060\\://evil\\) \\<b\\>\\*\\*bold\\*\\*\\</b\\> "
        "\\# head \\$x\\$ \\:red\\[y\\]"
    )
    assert words.plain_label("<a href='x'>y</a> & z") == "&lt;a href='x'&gt;y&lt;/a&gt; &amp; z"


@pytest.mark.parametrize(
    ("address", "plain"),
    [
        ("https://evil.example", r"https\u2060\://evil\.example"),
        ("WWW.evil.example", r"WWW\u2060\.evil\.example"),
        ("a@evil.example", r"a@\u2060evil\.example"),
        ("http and www", "http and www"),
    ],
)
def test_a_bare_address_is_broken_lest_it_become_a_link(address: str, plain: str) -> None:
    assert words.plain_markdown(address) == plain.replace(r"\u2060", "\u2060")
    assert words.plain_text(words.plain_markdown(address)) == address
    assert "\u2060" not in words.plain_sentence(address)


@pytest.mark.parametrize(
    ("family", "version", "name"),
    [
        ("Linux", "Ubuntu 24.04", "Ubuntu 24.04"),
        ("macOS", "macOS 15.5", "macOS 15.5"),
        ("Windows", "11", "Windows 11"),
        ("Linux", "unknown", "Linux unknown"),
    ],
)
def test_a_system_is_named_once(family: str, version: str, name: str) -> None:
    assert words.system_name(family, version) == name


def test_versions_are_ordered_by_value() -> None:
    given = ["2.9", "2.10", "2.9rc1", "2.9.1", "unknown", "10.0", "2.8"]
    assert newest_first(given) == ["10.0", "2.10", "2.9.1", "2.9", "2.9rc1", "2.8", "unknown"]


def test_weeks_begin_on_monday() -> None:
    assert start_of(date(2026, 11, 22), "W") == date(2026, 11, 16)
    assert start_of(date(2026, 11, 23), "W") == date(2026, 11, 23)
    assert last_complete_week(date(2026, 11, 22)) == date(2026, 11, 16)
    assert last_complete_week(date(2026, 11, 21)) == date(2026, 11, 9)


def test_as_of_is_the_last_complete_day() -> None:
    today = date(2026, 11, 22)
    yesterday = date(2026, 11, 21)
    assert seen_from(today, last_report=today) == (yesterday, today)
    assert seen_from(today, last_report=date(2026, 11, 1)) == (date(2026, 11, 1),) * 2
    assert seen_from(today, last_report=date(2027, 1, 1)) == (yesterday, today)
    assert seen_from(today, last_report=today, as_of=today) == (today, today)


def test_an_error_is_named_by_where_it_happened() -> None:
    assert error_name("KeyError", "tool.solutions.suricata:install") == (
        "KeyError in suricata.install"
    )
    assert error_name("KeyError", "odd") == "KeyError in odd"


def test_sentry_is_set_whole_or_not_at_all() -> None:
    assert SentryLinks.read({}) is None
    with pytest.raises(SettingError, match="SENTRY_PROJECT is not set"):
        SentryLinks.read({"SENTRY_ORG": "acme"})
    with pytest.raises(SettingError, match="SENTRY_ORG is not set"):
        SentryLinks.read({"SENTRY_URL": "https://sentry.example"})
    with pytest.raises(SettingError, match="SENTRY_URL is 'acme'"):
        SentryLinks.read({"SENTRY_URL": "acme", "SENTRY_ORG": "o", "SENTRY_PROJECT": "p"})
