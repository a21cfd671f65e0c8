"""Who may look: what the settings say about it, and which of them are refused."""

from __future__ import annotations

import pytest

from dashboard.access import Access, Viewers
from ingest.store import SettingError

AUTH = {
    "auth.redirect_uri": "https://wald.example.org/oauth2callback",
    "auth.cookie_secret": "0123456789abcdef0123456789abcdef",
    "auth.client_id": "wald",
    "auth.client_secret": "secret",
    "auth.server_metadata_url": "https://id.example.org/.well-known/openid-configuration",
    "WALD_VIEWERS": "Ann@example.org, @team.example.com,partner.example",
}


@pytest.mark.parametrize(
    ("address", "may"),
    [
        ("ann@example.org", True),
        ("ANN@Example.Org", True),
        ("bob@example.org", False),
        ("bob@team.example.com", True),
        ("bob@partner.example", True),
        ("bob@example.com", False),
        ("bob@evil.team.example.com", False),
        ("bob@evilpartner.example", False),
        ("bob@evil.org@partner.example", False),
        ("partner.example", False),
        ("@partner.example", False),
        ("bob @partner.example", False),
        ("bob@partner.example\n", False),
        ("", False),
    ],
)
def test_listed_addresses_and_whole_domains_may_look(address: str, may: bool) -> None:
    assert Viewers.read(AUTH["WALD_VIEWERS"]).include(address) is may


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"email": "ann@example.org", "email_verified": True}, None),
        ({"email": "ann@example.org", "email_verified": "true"}, None),
        ({"email": "ann@example.org", "xms_edov": "1"}, None),
        ({"email": "ann@example.org", "email_verified": False}, "it is not verified"),
        (
            {"email": "ann@example.org", "email_verified": False, "xms_edov": True},
            "it is not verified",
        ),
        ({"email": "ann@example.org"}, "it is not verified"),
        ({"email": "eve@example.org", "email_verified": True}, "not among those who may look"),
        ({"email": ["ann@example.org"], "email_verified": True}, "names no mail address"),
        ({"email_verified": True}, "names no mail address"),
        ({}, "names no mail address"),
    ],
)
def test_only_a_verified_address_counts(claims: dict[str, object], said: str | None) -> None:
    refusal = Access.read(AUTH).refusal(claims)
    assert refusal is None if said is None else said in str(refusal)


@pytest.mark.parametrize(
    ("gateway", "address", "headers", "opened"),
    [
        ("", "127.0.0.1", {}, True),
        ("off", "localhost", {}, True),
        ("", "::1", {}, True),
        ("", "0.0.0.0", {}, False),
        ("", "192.168.1.4", {}, False),
        ("", "", {}, False),
        ("", None, {}, False),
        ("", "127.0.0.1", {"X-Forwarded-For": "203.0.113.9"}, False),
        ("", "127.0.0.1", {"Forwarded": "for=203.0.113.9"}, False),
        ("on", "0.0.0.0", {"X-Forwarded-For": "203.0.113.9"}, True),
    ],
)
def test_without_sign_in_only_this_machine_may_look(
    gateway: str, address: str | None, headers: dict[str, str], opened: bool
) -> None:
    access = Access.read({"WALD_GATEWAY": gateway})
    assert access.providers == ()
    assert access.open_to(address, headers) is opened


def test_providers_are_those_with_a_name_and_the_one_without() -> None:
    google = {
        key.replace("auth.", "auth.google."): value
        for key, value in AUTH.items()
        if key.startswith(("auth.client", "auth.server"))
    }
    shared = {key: AUTH[key] for key in ("auth.redirect_uri", "auth.cookie_secret", "WALD_VIEWERS")}
    assert Access.read(AUTH).providers == ("default",)
    assert Access.read(shared | google).providers == ("google",)
    assert Access.read(AUTH | google).providers == ("default", "google")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"WALD_VIEWERS": ""}, "WALD_VIEWERS names nobody, but [auth] signs people in; give the"),
        ({"WALD_VIEWERS": "*"}, "WALD_VIEWERS names '*'; give addresses such as me@example.org"),
        ({"WALD_VIEWERS": "ann@"}, "WALD_VIEWERS names 'ann@'; give addresses such as"),
        ({"WALD_GATEWAY": "yes"}, "WALD_GATEWAY is 'yes'; give on or off"),
        ({"auth.cookie_secret": "xxx"}, "cookie_secret in [auth] has 3 characters; give 32 or"),
        ({"auth.cookie_secret": ""}, "cookie_secret is not set in [auth] of .streamlit/secrets"),
        ({"auth.client_id": ""}, "client_id is not set in [auth] of .streamlit/secrets.toml"),
        (
            {"auth.redirect_uri": "https://wald.example.org/"},
            "redirect_uri in [auth] is 'https://wald.example.org/'; give the dashboard's own",
        ),
    ],
)
def test_a_wrong_setting_is_one_sentence(changed: dict[str, str], said: str) -> None:
    with pytest.raises(SettingError) as raised:
        Access.read(AUTH | changed)
    assert str(raised.value).startswith(said)


def test_viewers_without_sign_in_are_a_mistake() -> None:
    with pytest.raises(SettingError, match="nobody can sign in"):
        Access.read({"WALD_VIEWERS": "ann@example.org"})
