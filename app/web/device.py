"""A browser in the words of the person who uses it."""

from flask_babel import gettext as _
from ua_parser import parse


def in_words(user_agent: str) -> str:
    """Return "Firefox on Linux", or as much of it as the browser tells."""
    found = parse(user_agent)
    browser = found.user_agent.family if found.user_agent else None
    system = found.os.family if found.os else None
    if browser and system:
        return _("%(browser)s on %(system)s", browser=browser, system=system)
    return browser or system or _("Unknown device")
