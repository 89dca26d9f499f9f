"""A browser in the words of the person who uses it."""

from flask_babel import gettext as _
from werkzeug.utils import import_string


def in_words(user_agent: str) -> str:
    """Return "Firefox on Linux", or as much of it as the browser tells."""
    # Imported for the first page that shows any: few do.
    found = import_string("ua_parser:parse")(user_agent)
    browser = found.user_agent.family if found.user_agent else None
    system = found.os.family if found.os else None
    if browser and system:
        return _("%(browser)s on %(system)s", browser=browser, system=system)
    return browser or system or _("Unknown device")
