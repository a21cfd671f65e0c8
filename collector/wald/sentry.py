"""Builds the Sentry event of a crash and leaves it for the sender, with nothing private in it.

Imported when a crash happens and the application named a DSN. The event holds what stands in
`_clean` and nothing else, whatever sentry-sdk collects.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sentry_sdk.client import Client
from sentry_sdk.envelope import Envelope
from sentry_sdk.scope import Scope
from sentry_sdk.transport import Transport
from sentry_sdk.utils import event_from_exception

from .crash import is_own, module_of

if TYPE_CHECKING:
    from .events import Events
    from .report import Report

NAME = re.compile(r"[\w.<>]{1,200}")
"""Modules and functions look like this; anything else might be a path."""


def capture(
    dsn: str,
    error: BaseException,
    report: Report,
    packages: tuple[str, ...],
    events: Events,
) -> str | None:
    """Keep an event about *error* in *events*; return its id, or None where there is none.

    *report* is the error's report: the event tells the same install, version and system.
    """
    transport = _Spooling(dsn, report, packages, events)
    client = Client(
        dsn=dsn,
        transport=transport,
        # Said here, so that no variable of the user's environment decides it.
        release=_release(report),
        environment="production",
        server_name="",
        debug=False,
        spotlight=False,
        sample_rate=1.0,
        default_integrations=False,
        auto_enabling_integrations=False,
        auto_session_tracking=False,
        send_client_reports=False,
        send_default_pii=False,
        include_local_variables=False,
        include_source_context=False,
        max_breadcrumbs=0,
    )
    event, hint = event_from_exception(error, client_options=client.options)
    # A scope of its own: nothing of what the application may tell its own Sentry comes along.
    client.capture_event(event, hint, scope=Scope())
    return transport.kept


class _Spooling(Transport):
    """Leaves events to the sender instead of sending them, so that a crash waits for nothing."""

    def __init__(self, dsn: str, report: Report, packages: tuple[str, ...], events: Events) -> None:
        super().__init__({"dsn": dsn})
        self._report = report
        self._packages = packages
        self._events = events
        self.kept: str | None = None
        """Id of the event, once it is kept."""

    def capture_envelope(self, envelope: Envelope) -> None:
        """Keep the event of *envelope*."""
        raw: Any = envelope.get_event()
        if raw is None or self.parsed_dsn is None:
            return
        event: Any = _clean(raw, self._report, self._packages)
        clean = Envelope(headers={"event_id": event["event_id"]})
        clean.add_event(event)
        auth = self.parsed_dsn.to_auth("sentry.python")
        headers = {
            "Content-Type": "application/x-sentry-envelope",
            "X-Sentry-Auth": auth.to_header(),
        }
        self._events.keep(auth.get_api_url(), headers, clean.serialize())
        self.kept = event["event_id"]


def _clean(raw: dict[str, Any], report: Report, packages: tuple[str, ...]) -> dict[str, Any]:
    """Copy what may leave the machine out of the event *raw* that sentry-sdk built."""
    system = report["metrics"]
    return {
        "event_id": raw["event_id"],
        "timestamp": raw["timestamp"],
        "level": "error",
        "platform": "python",
        "release": _release(report),
        "environment": "ci" if report["ci"] else "production",
        "user": {"id": report["install"]},
        "tags": {
            "wald.fingerprint": report["error"]["fingerprint"],
            **{key: report[key] for key in ("operation", "solution") if key in report},
        },
        "contexts": {
            "os": {"name": system.get("os", ""), "version": system.get("os_version", "")},
            "runtime": {"name": "Python", "version": system.get("py_version", "")},
        },
        "exception": {
            "values": [_clean_exception(value, packages) for value in raw["exception"]["values"]]
        },
        "sdk": {"name": "sentry.python", "version": raw.get("sdk", {}).get("version", "")},
    }


def _clean_exception(value: dict[str, Any], packages: tuple[str, ...]) -> dict[str, Any]:
    frames = (value.get("stacktrace") or {}).get("frames") or []
    return {
        "type": _name(value.get("type")),
        "module": _name(value["module"]) if value.get("module") else None,
        "mechanism": {"type": "wald", "handled": False},
        "stacktrace": {"frames": [_clean_frame(frame, packages) for frame in frames]},
    }


def _clean_frame(frame: dict[str, Any], packages: tuple[str, ...]) -> dict[str, Any]:
    module = module_of({"__name__": frame.get("module"), "__file__": frame.get("filename")})
    module = _name(module)
    return {
        "module": module,
        # Sentry wants one; the real one may hold the user's name.
        "filename": module.replace(".", "/") + ".py",
        "function": _name(frame.get("function")),
        "lineno": frame.get("lineno"),
        "in_app": is_own(module, packages),
    }


def _name(text: object) -> str:
    return text if isinstance(text, str) and NAME.fullmatch(text) else "unknown"


def _release(report: Report) -> str:
    return f"{report['app']}@{report['metrics'].get('package_version', '')}"
