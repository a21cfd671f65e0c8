"""What a request as a whole may be: address, method, type, size, JSON; nothing else is taken."""

from __future__ import annotations

import gzip
import http.client
import json
import sys
import zlib

import pytest
import requests

from tests.ingest.database import Database
from tests.ingest.function import HOST, Function
from tests.ingest.reports import JsonReport, report

JSON = {"Content-Type": "application/json"}
PACKED = {**JSON, "Content-Encoding": "gzip"}
MAX_SENT = 1024**2
MAX_UNPACKED = 8 * 1024**2


def batch(*reports: JsonReport, size: int = 0) -> bytes:
    """A request's body, filled up with spaces to this many bytes."""
    return json.dumps({"schema": 1, "reports": reports}).encode().ljust(size)


def post(function: Function, body: bytes, headers: dict[str, str] = JSON) -> requests.Response:
    """Send these bytes."""
    return requests.post(f"{function.url}/v1/reports", data=body, headers=headers)


def refusal(answer: requests.Response) -> tuple[int, str]:
    """Status and sentence."""
    assert answer.headers["content-type"] == "application/json"
    (sentence,) = answer.json().values()
    assert list(answer.json()) == ["error"]
    return answer.status_code, sentence


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "Input data was truncated"),
        (b"hello", "JSON is malformed: invalid character (byte 0)"),
        (b'{"schema": 1, "reports": [{]}', "JSON is malformed"),
        (b'{"schema": 1, "reports": [{}]} x', "JSON is malformed: trailing characters"),
        (b'{"schema": 1, "reports": [NaN]}', "JSON is malformed"),
        (b'{"schema": 1, "reports": ["\\ud800x"]}', "Input data was truncated"),
        (b"[]", "Expected `object`, got `array`"),
        (b"null", "Expected `object`, got `null`"),
        (b'{"reports": [{}]}', "Object missing required field `schema`"),
        (b'{"schema": 1}', "Object missing required field `reports`"),
        (b'{"schema": 2, "reports": [{}]}', "Expected `int` <= 1 - at `$.schema`"),
        (b'{"schema": "1", "reports": [{}]}', "Expected `int`, got `str` - at `$.schema`"),
        (b'{"schema": 1, "reports": {}}', "Expected `array`, got `object` - at `$.reports`"),
        (b'{"schema": 1, "reports": []}', "Expected `array` of length >= 1 - at `$.reports`"),
        (batch(*[{}] * 501), "Expected `array` of length <= 500 - at `$.reports`"),
        (b'{"schema": 1, "reports": [{}], "app": 1}', "Object contains unknown field `app`"),
        (b'{"\xff": 1}', "JSON is not UTF-8"),
        (b'{"schema": 1, "reports": [' + b"[" * 100_000, "JSON is nested too deeply"),
    ],
)
def test_400_says_what_is_wrong(function: Function, body: bytes, reason: str) -> None:
    status, sentence = refusal(post(function, body))
    assert status == 400
    assert sentence.startswith(reason)


@pytest.mark.parametrize("target", ["/", "/v1", "/v1/reports/", "/v2/reports", "/v1/reports/x"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_404(function: Function, method: str, target: str) -> None:
    answer = requests.request(method, function.url + target, data=batch(report()), headers=JSON)
    known = "/v1/reports, /v1/forget, /healthz, /v1/health"
    assert refusal(answer) == (404, f"no such address; there are {known}")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_405_on_reports_names_the_method(function: Function, method: str) -> None:
    answer = requests.request(method, f"{function.url}/v1/reports")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"
    if method != "HEAD":
        assert refusal(answer) == (405, f"method must be POST, not {method}")


@pytest.mark.parametrize("target", ["/healthz", "/v1/health"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_405_on_healthz(function: Function, method: str, target: str) -> None:
    answer = requests.request(method, function.url + target)
    assert refusal(answer) == (405, f"method must be GET or HEAD, not {method}")
    assert answer.headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("target", ["/healthz", "/v1/health"])
def test_healthz(function: Function, target: str) -> None:
    got = requests.get(function.url + target)
    assert (got.status_code, got.json()) == (200, {"status": "ok"})
    head = requests.head(function.url + target)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == got.headers["Content-Length"]


def test_no_page_of_another_site_may_send_or_read(function: Function) -> None:
    origin = {"Origin": "https://example.org", "Access-Control-Request-Method": "POST"}
    answers = [
        requests.options(f"{function.url}/v1/reports", headers=origin),
        requests.post(f"{function.url}/v1/reports", data=batch(report()), headers=JSON | origin),
        requests.get(f"{function.url}/healthz", headers=origin),
        requests.get(f"{function.url}/nothing", headers=origin),
    ]
    assert [answer.status_code for answer in answers] == [405, 200, 200, 404]
    for answer in answers:
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""]
)
def test_415_for_another_type(function: Function, database: Database, media_type: str) -> None:
    sent = report()
    status, sentence = refusal(post(function, batch(sent), {"Content-Type": media_type}))
    assert status == 415
    assert sentence == f"content-type must be application/json, not {media_type or 'absent'}"
    assert sent["id"] not in {one["id"] for one in database.reports()}


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip"])
def test_415_for_another_encoding(function: Function, encoding: str) -> None:
    answer = post(function, batch(report()), {**JSON, "Content-Encoding": encoding})
    assert refusal(answer) == (415, f"content-encoding must be gzip or absent, not {encoding}")


@pytest.mark.parametrize(
    "media_type", ["application/json; charset=utf-8", "Application/JSON", "application/json ;x=y"]
)
def test_a_type_may_have_parameters_and_capitals(function: Function, media_type: str) -> None:
    assert post(function, batch(report()), {"Content-Type": media_type}).status_code == 200


def test_gzip_is_unpacked(function: Function, database: Database) -> None:
    sent = report(operation="packed")
    answer = post(function, gzip.compress(batch(sent)), {**JSON, "Content-Encoding": "GZIP"})
    assert answer.json() == {"accepted": 1, "rejected": []}
    assert sent["id"] in {one["id"] for one in database.reports()}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (batch(report()), "body is not gzip, as its content-encoding says"),
        (b"", "body is gzip cut off or with more behind it"),
        (gzip.compress(batch(report()))[:-1], "body is gzip cut off or with more behind it"),
        (gzip.compress(batch(report())) + b"x", "body is gzip cut off or with more behind it"),
        (gzip.compress(batch(report()))[:-8] + bytes(8), "body is not gzip"),
    ],
    ids=["plain", "empty", "cut off", "more behind", "wrong checksum"],
)
def test_400_for_damaged_gzip(function: Function, body: bytes, reason: str) -> None:
    status, sentence = refusal(post(function, body, PACKED))
    assert status == 400
    assert sentence.startswith(reason)


def test_the_bound_as_sent_is_a_mebibyte(function: Function) -> None:
    assert post(function, batch(report(), size=MAX_SENT)).json()["accepted"] == 1
    too_large = (413, "body is larger than 1048576 bytes")
    assert refusal(post(function, batch(report(), size=MAX_SENT + 1))) == too_large
    assert refusal(post(function, batch(report(), size=30 * MAX_SENT))) == too_large


def test_the_bound_unpacked_is_eight_mebibytes(function: Function) -> None:
    full = gzip.compress(batch(report(), size=MAX_UNPACKED))
    assert post(function, full, PACKED).json()["accepted"] == 1
    over = gzip.compress(batch(report(), size=MAX_UNPACKED + 1))
    too_large = (413, "body is larger than 8388608 bytes unpacked")
    assert refusal(post(function, over, PACKED)) == too_large


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_gzip_bomb_is_not_unpacked_whole(function: Function) -> None:
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    bomb = b"".join(packer.compress(bytes(1024**2)) for _ in range(250)) + packer.flush()
    before = function.peak_memory()
    too_large = (413, "body is larger than 8388608 bytes unpacked")
    assert refusal(post(function, bomb, PACKED)) == too_large
    assert function.peak_memory() - before < 50 * 1024**2


def test_a_body_in_chunks_of_no_known_length_has_the_same_bound(function: Function) -> None:
    connection = http.client.HTTPConnection(HOST, function.port)
    body = batch(report())
    connection.request("POST", "/v1/reports", iter([body[:9], body[9:]]), JSON, encode_chunked=True)
    assert json.load(connection.getresponse())["accepted"] == 1
    chunks = [b" " * 65536] * 17
    connection.request("POST", "/v1/reports", iter(chunks), JSON, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()
