"""`docs/openapi.yaml` is true: what it says of requests and answers is what the function does."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from jsonschema_rs import Draft202012Validator, validator_for

from ingest.rates import FORGETS_BY_ADDRESS
from ingest.schema import InvalidReport, decode_report
from tests.ingest.database import Database
from tests.ingest.function import ROOT, Function, serving, settings
from tests.ingest.reports import JsonReport, crash, report
from tests.ingest.test_refusals import BROKEN
from tests.rtdb.server import Server

OPENAPI = ROOT / "docs/openapi.yaml"
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "positive_data_acceptance",
    "unsupported_method",
)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The description, read."""
    read: dict[str, Any] = yaml.safe_load(OPENAPI.read_text())
    return read


def test_schemathesis_finds_nothing(function: Function, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", str(OPENAPI)),
            *("--url", function.url, "--checks", ",".join(CHECKS)),
            *("--max-examples", "40", "--seed", "5", "--no-color", "--phases", "examples,fuzzing"),
        ],
        cwd=tmp_path,
        env=settings(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert "Traceback" not in function.said()


def test_every_documented_answer_was_seen(
    function: Function, local: Server, document: dict[str, Any]
) -> None:
    seen: set[tuple[str, str]] = set()

    def note(path: str, answer: requests.Response) -> None:
        operation = next(iter(document["paths"][path].values()))
        described = operation["responses"][str(answer.status_code)]
        if "$ref" in described:
            described = document["components"]["responses"][described["$ref"].rpartition("/")[2]]
        content = described["content"]["application/json"]["schema"]
        whole = {**content, "components": document["components"]}
        Draft202012Validator(whole).validate(answer.json())
        for name in described.get("headers", {}):
            assert name in answer.headers
        seen.add((path, str(answer.status_code)))

    provoke(function, note)
    with serving("http://127.0.0.1:1/?ns=away") as away:
        provoke(away, note)
    with serving(Database.on(local, "openapi").url, limits="on") as limited:
        for _ in range(2 * FORGETS_BY_ADDRESS.amount + 1):
            note("/v1/forget", requests.post(f"{limited.url}/v1/forget", json=WISH))
        with requests.Session() as session:
            while ("/healthz", "429") not in seen:
                note("/healthz", session.get(f"{limited.url}/healthz"))
            note("/v1/health", session.get(f"{limited.url}/v1/health"))
        note("/v1/reports", requests.post(f"{limited.url}/v1/reports", json=BATCH))
    assert seen == {
        (path, status)
        for path, operations in document["paths"].items()
        for operation in operations.values()
        for status in operation["responses"]
    }


WISH = {"secret": "0" * 64}
BATCH: JsonReport = {"schema": 1, "reports": [report()]}


def provoke(function: Function, note: Any) -> None:
    """Get every answer that needs no limits."""
    bomb = gzip.compress(bytes(9 * 1024**2))
    packed = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    for path, body in (("/v1/reports", BATCH), ("/v1/forget", WISH)):
        url = function.url + path
        note(path, requests.post(url, json=body))
        note(path, requests.post(url, json={}))
        note(path, requests.get(url))
        note(path, requests.post(url, data=bomb, headers=packed))
        note(path, requests.post(url, data="text"))
    for path in ("/healthz", "/v1/health"):
        note(path, requests.get(function.url + path))
        note(path, requests.post(function.url + path))


def judged_alike(document: dict[str, Any], one: JsonReport) -> bool:
    """Whether the document takes this report; fails where the function thinks otherwise."""
    schema = {"$ref": "#/components/schemas/Report", "components": document["components"]}
    documented: bool = validator_for(schema).is_valid(one)
    try:
        decode_report(json.dumps(one).encode())
        taken = True
    except InvalidReport:
        taken = False
    assert documented == taken, one
    return taken


def test_the_schema_of_a_report_is_the_one_that_is_enforced(document: dict[str, Any]) -> None:
    assert judged_alike(document, report(operation="x", outcome=None, duration_ms=1))
    assert judged_alike(document, crash(sentry_event="0" * 32))
    assert judged_alike(document, report(error=None))
    assert not judged_alike(document, {**crash(), "error": None})
    # A newline at the end passes the $ of some readers of patterns.
    for name, broken, _, _ in BROKEN:
        if "newline" not in name:
            assert not judged_alike(document, broken)
