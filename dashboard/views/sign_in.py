"""Before every page: nobody sees anything who may not look."""

from __future__ import annotations

import streamlit as st

from dashboard.access import Access
from dashboard.settings import environment
from dashboard.words import plain_sentence
from ingest.store import SettingError


def admit() -> list[st.Page]:
    """Let through who may look; everybody else reads why not, and the page ends there.

    Returns the pages that come with it: the viewer's account, where they are signed in.
    """
    try:
        access = Access.read(environment())
    except SettingError as error:
        return _refuse(plain_sentence(str(error)))
    if not access.providers:
        if not access.open_to(st.get_option("server.address"), st.context.headers):
            return _refuse(_CLOSED)
        return []
    if st.user.get("is_logged_in") is not True:
        _ask(access)
        st.stop()
    refusal = access.refusal(st.user)
    if refusal:
        return _refuse(plain_sentence(refusal), signed_in=True)
    return [st.Page(_account, title="Account", icon=":material/account_circle:")]


_CLOSED = (
    "This dashboard shows its numbers to this machine alone, because nobody signs in. It would be "
    "open to others as it runs now: let it listen on 127.0.0.1, or describe your identity provider "
    "under \\[auth\\] in .streamlit/secrets.toml, or set WALD_GATEWAY=on where a gateway in front "
    "of it lets in only those who may look."
)


def _ask(access: Access) -> None:
    st.title("Wald")
    st.markdown("Sign in to see how the tool is used.")
    for name in access.providers:
        only = "" if name == "default" else f" with {plain_sentence(name.capitalize())}"
        st.button(
            f"Sign in{only}",
            key=f"sign-in-{name}",
            icon=":material/login:",
            type="primary",
            on_click=st.login,
            args=() if name == "default" else (name,),
        )


def _account() -> None:
    st.markdown(f"You are signed in as {plain_sentence(str(st.user.get('email')))}.")
    _offer_to_leave()


def _offer_to_leave() -> None:
    st.button("Sign out", icon=":material/logout:", on_click=st.logout)


def _refuse(said: str, *, signed_in: bool = False) -> list[st.Page]:
    st.error(said, icon=":material/lock:")
    if signed_in:
        _offer_to_leave()
    st.stop()
    raise AssertionError("st.stop() ends the page")
