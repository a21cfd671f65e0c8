"""Metrics: what is refused when they are defined, and what they may cost."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wald import Metric
from wald.metric import DataCollector, _is_identifier
from wald.report import IDENTIFIER_PATTERN

from .home import Home
from .server import Server


@pytest.fixture
def registry() -> Iterator[None]:
    """Put the list of metrics back as it was."""
    before = dict(DataCollector.metrics)
    yield
    DataCollector.metrics.clear()
    DataCollector.metrics.update(before)


def define(name: str, identifier: object, doc: str | None = "Reads it, for the sake of it.") -> Any:
    body = {"IDENTIFIER": identifier, "__doc__": doc, "_get": lambda self: 1}
    return type(name, (Metric,), body)


@pytest.mark.usefixtures("registry")
def test_a_metric_is_reported_once_it_is_defined() -> None:
    define("Cores", "cores")
    assert DataCollector.collect("2.0")["cores"] == 1
    assert DataCollector.collect("2.0")["package_version"] == "2.0"


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    ("identifier", "doc", "says"),
    [
        ("no spaces", "Doc.", "is 'no spaces': a metric's identifier is a letter and then"),
        ("", "Doc.", "identifier is a letter"),
        ("9lives", "Doc.", "identifier is a letter"),
        ("x" * 65, "Doc.", "identifier is a letter"),
        (7, "Doc.", "IDENTIFIER is 7"),
        ("ok", None, "Bad needs a docstring"),
        ("ok", "  ", "Bad needs a docstring"),
        ("os", "Doc.", "Bad and OperatingSystem both have the identifier 'os'"),
    ],
)
def test_what_is_refused(identifier: object, doc: str | None, says: str) -> None:
    with pytest.raises(TypeError, match=says):
        define("Bad", identifier, doc)
    assert "Bad" not in {metric.__name__ for metric in DataCollector.metrics.values()}


def test_a_value_is_needed() -> None:
    with pytest.raises(TypeError, match="Empty needs a method _get that returns its value"):
        type("Empty", (Metric,), {"__doc__": "Doc.", "IDENTIFIER": "empty"})


@pytest.mark.usefixtures("registry")
def test_an_identifier_is_needed_and_32_are_enough() -> None:
    with pytest.raises(TypeError, match="Nameless needs an IDENTIFIER"):
        type("Nameless", (Metric,), {"__doc__": "Doc.", "_get": lambda self: 1})
    for number in range(32 - len(DataCollector.metrics)):
        define(f"M{number}", f"m{number}")
    with pytest.raises(TypeError, match="one metric too many: 32 at most"):
        define("M32", "m32")


@pytest.mark.usefixtures("registry")
def test_a_module_loaded_anew_may_define_its_metrics_anew() -> None:
    define("Cores", "cores")
    again = define("Cores", "cores")
    assert DataCollector.metrics["cores"] is again


@given(st.text(alphabet=string.ascii_letters + string.digits + "-_ é\n", max_size=70))
def test_identifiers_are_those_of_the_report(text: str) -> None:
    assert _is_identifier(text) == (re.fullmatch(IDENTIFIER_PATTERN.rstrip("$"), text) is not None)


def test_a_metric_that_fails_costs_itself_alone(home: Home, server: Server) -> None:
    values = {
        "raises": "1 / 0",
        "exits": "sys.exit(3)",
        "nothing": "None",
        "a_list": "[1]",
        "nan": "float('nan')",
        "infinite": "float('inf')",
        "huge": "2 ** 60",
        "long": "'x' * 1000",
        "odd": "'caf\\u00e9 \\n \"quoted\" \\\\ \\ud800 \\u2028'",
        "yes": "True",
        "half": "0.5",
    }
    classes = "\n".join(
        f"class {name}(Metric):\n  'Why not.'\n  IDENTIFIER = {name!r}\n"
        f"  def _get(self): return {value}"
        for name, value in values.items()
    )
    home.run(home.write(f"{classes}\nwith monitor.operation('x'): pass"))
    home.settle()
    metrics = server.reports[0]["metrics"]
    own = {name: value for name, value in metrics.items() if name in values}
    assert own == {
        "long": "x" * 128,
        "odd": 'café \n "quoted" \\ ? \u2028',
        "yes": True,
        "half": 0.5,
    }
    assert len(metrics) == 5 + 4
