"""May this tool report? Reads the environment, the user's choice and the application's wish.

This is the only place that reads the environment; everything else is handed what stands here.
In order of rank: ``DO_NOT_TRACK``, ``<APP>_TELEMETRY``, the user's choice on disk, and what the
application asks for.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CI_VARIABLES = (
    "CI",
    "CONTINUOUS_INTEGRATION",
    "GITHUB_ACTIONS",
    "GITLAB_CI",
    "BUILDKITE",
    "CIRCLECI",
    "TRAVIS",
    "APPVEYOR",
    "BITBUCKET_BUILD_NUMBER",
    "CODEBUILD_BUILD_ID",
    "DRONE",
    "JENKINS_URL",
    "TEAMCITY_VERSION",
    "TF_BUILD",
)
"""Each is set by some CI service in every job it runs."""


class Environment:
    """What the process's surroundings say about one application's telemetry."""

    __slots__ = (
        "app",
        "choice_file",
        "ci",
        "notice_mark",
        "said",
        "state",
        "tracking_refused",
        "variable",
    )

    def __init__(
        self, app: str, variables: "Mapping[str, str]", platform: str = sys.platform
    ) -> None:
        self.app = app
        self.variable = app.upper().replace("-", "_") + "_TELEMETRY"
        """Name of the application's own variable."""
        self.tracking_refused = variables.get("DO_NOT_TRACK", "").lower() not in ("", "0", "false")
        self.said = _said(variables.get(self.variable, ""))
        """What the application's own variable asks for: on, off, or nothing (None)."""
        self.ci = any(variables.get(v, "").lower() not in ("", "0", "false") for v in CI_VARIABLES)
        self.state: str | None = None
        """Folder for secret, spool and locks. None: there is no place to keep anything."""
        self.choice_file: str | None = None
        """File in which the user's choice stands, one word."""
        self.notice_mark: str | None = None
        """File that is there once the user was told."""
        state, config = _folders(variables, platform)
        if state and config:
            # The choice lies apart, so that it outlives everything that off deletes.
            self.state = os.path.join(state, app, "telemetry")
            self.choice_file = os.path.join(config, app, "telemetry")
            self.notice_mark = os.path.join(self.state, "notice-shown")

    def told(self) -> bool:
        """Tell whether the notice was shown, see `wald.notice`."""
        return self.notice_mark is not None and os.path.exists(self.notice_mark)

    def choice(self) -> bool | None:
        """Return the user's choice on disk: on, off, or None where there is none.

        A file that says anything else than ``on``, or cannot be read, means off: whoever wrote it
        meant to say something, and only ``on`` is a yes.
        """
        if self.choice_file is None:
            return None
        try:
            with open(self.choice_file, "rb") as file:
                return file.read(64).strip().lower() == b"on"
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:
            return False

    def write_choice(self, on: bool) -> None:
        """Keep the user's choice. Raises OSError where it cannot be kept."""
        if self.choice_file is None:
            raise OSError("there is no home folder to keep the choice in")
        os.makedirs(os.path.dirname(self.choice_file), mode=0o700, exist_ok=True)
        with open(self.choice_file, "w", encoding="utf-8") as file:
            file.write("on\n" if on else "off\n")


class Decision:
    """Whether to report, and who said so."""

    __slots__ = ("by", "by_default", "on")

    def __init__(self, on: bool, by: str, by_default: bool = False) -> None:
        self.on = on
        self.by = by
        """Where the decision comes from, in words for the user."""
        self.by_default = by_default
        """The user has not said anything, and is to be told."""


def decide(environment: Environment, default: bool | None, no_ci: bool = False) -> Decision:
    """Weigh what was said. *default* and *no_ci* are the application's wish, see `wald.Monitor`."""
    if environment.tracking_refused:
        return Decision(False, "the environment variable DO_NOT_TRACK")
    if environment.state is None:
        return Decision(False, "there being no folder to keep reports in")
    if no_ci and environment.ci:
        return Decision(False, f"{environment.app}, which does not report from CI services")
    if environment.said is not None:
        return Decision(environment.said, f"the environment variable {environment.variable}")
    choice = environment.choice()
    if choice is not None:
        return Decision(choice, f"your choice in {environment.choice_file}")
    return Decision(default is not False, f"the default of {environment.app}", by_default=True)


def erase(state: str) -> None:
    """Delete everything the collector keeps: secret, pseudonym, spool, locks. Never raises."""
    try:
        names = os.listdir(state)
    except OSError:
        return
    for name in names:
        _quietly(os.unlink, os.path.join(state, name))
    _quietly(os.rmdir, state)
    _quietly(os.rmdir, os.path.dirname(state))  # stays where the application keeps more there


def _said(value: str) -> bool | None:
    """Read an on/off variable: empty says nothing, and only a clear yes is a yes."""
    word = value.strip().lower()
    return None if not word else word in ("on", "1", "true", "yes")


def _folders(variables: "Mapping[str, str]", platform: str) -> tuple[str | None, str | None]:
    """Return the folders for state and for configuration that are customary on *platform*."""
    if platform == "win32":
        return variables.get("LOCALAPPDATA") or None, variables.get("APPDATA") or None
    home = variables.get("HOME") or os.path.expanduser("~")
    if not _ours(home):
        home = ""
    if platform == "darwin":
        library = os.path.join(home, "Library")
        folders = os.path.join(library, "Application Support"), os.path.join(library, "Preferences")
        return folders if home else (None, None)
    return (
        _xdg(variables, "XDG_STATE_HOME", home, ".local/state"),
        _xdg(variables, "XDG_CONFIG_HOME", home, ".config"),
    )


def _xdg(variables: "Mapping[str, str]", name: str, home: str, default: str) -> str | None:
    """Return a base folder by the XDG Base Directory Specification: relative paths don't count."""
    folder = variables.get(name, "")
    if os.path.isabs(folder):
        return folder
    return os.path.join(home, default) if home else None


def _ours(home: str) -> bool:
    """Tell whether *home* is there and ours: root must not leave files in a user's home (sudo)."""
    try:
        owner = os.stat(home).st_uid
    except OSError:
        return False
    root = sys.platform != "win32" and os.geteuid() == 0
    return os.path.isabs(home) and not (root and owner != 0)


def _quietly(action: "Callable[[str], None]", path: str) -> None:
    try:
        action(path)
    except OSError:
        return
