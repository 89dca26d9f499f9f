"""How many proxies really stand in front: what `flask doctor` asks the site from outside.

Only whoever has SECRET_KEY is told, since the answer is what a forger would like to know.
"""

from collections.abc import Mapping
from typing import Any

from app import crypto

ASKED = "X-Gatehouse-Doctor"  # the header that asks, sealed
FORGED = "192.0.2.1"  # an address for documentation (RFC 5737): nobody has it
# Another, in a header that WSGI cannot tell from the real one: the proxy has to drop it.
DISGUISED = "192.0.2.2"


def question() -> dict[str, str]:
    """Return the headers of a request that asks, with forged addresses as somebody would."""
    forged = {"X-Forwarded-For": FORGED, "X_Forwarded_For": DISGUISED}
    return {ASKED: crypto.seal(ASKED), **forged}


def is_question(sealed: str | None) -> bool:
    return sealed is not None and crypto.unseal(sealed) == ASKED


def seen(environ: Mapping[str, Any], address: str, scheme: str) -> dict[str, Any]:
    """Return what the site sees of whoever asks: how many proxies added to what was forged.

    And whether what they should have dropped got through to where it counts.
    """
    # ProxyFix keeps what it replaced, and leaves the list itself as it came.
    entries = [entry.strip() for entry in environ.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    entries = [entry for entry in entries if entry]
    let_through = entries[-1:] == [DISGUISED]
    added = [entry for entry in entries if entry not in {FORGED, DISGUISED}]
    facts = {"address": address, "scheme": scheme, "proxies": len(added)}
    return facts | {"let_through": let_through}
