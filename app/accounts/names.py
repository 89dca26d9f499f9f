"""How a name and an address are written, and the keys by which they are compared.

A key is made when a row is written, so that a look-up is an `=` on a unique column.
"""

import re
import unicodedata

from flask_babel import lazy_gettext as _l
from werkzeug.utils import import_string

from app.accounts.errors import AddressRefused, NameRefused

NAME_LENGTH = 32
# Before anything is normalised, which takes quadratic time on a run of combining marks. Room for
# a name with several marks on each letter, and for whatever the tutorial let in.
LONGEST_TYPED = 576
TOO_LONG = _l("Enter a name of 32 characters or fewer.")
ADDRESS_LENGTH = 254  # RFC 5321 4.5.3.1.3, less the angle brackets
# Control, format, surrogate, private use, unassigned, line and paragraph separators: what cannot
# be seen lets one name pass for another.
INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# What Unicode lets a font draw as nothing (Default_Ignorable_Code_Point) outside of these
# categories, and the empty pattern of Braille.
BLANK = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0}
BLANK |= {*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}

TYPED_FOR = {
    "gamil.com": "gmail.com",
    "gmail.co": "gmail.com",
    "gmail.con": "gmail.com",
    "gmai.com": "gmail.com",
    "gmial.com": "gmail.com",
    "gnail.com": "gmail.com",
    "googlemail.co": "googlemail.com",
    "hotmai.com": "hotmail.com",
    "hotmail.con": "hotmail.com",
    "hotmial.com": "hotmail.com",
    "iclod.com": "icloud.com",
    "icloud.con": "icloud.com",
    "outlok.com": "outlook.com",
    "outlook.con": "outlook.com",
    "yaho.com": "yahoo.com",
    "yahoo.con": "yahoo.com",
}


def clean_name(text: str) -> str:
    """Return the name as it will be stored (tidy), or raise NameRefused."""
    if len(text) > LONGEST_TYPED:
        raise NameRefused(TOO_LONG)
    name = tidy(text)
    if not name:
        raise NameRefused(_l("Enter a name."))
    if len(name) > NAME_LENGTH:
        raise NameRefused(TOO_LONG)
    if any(unicodedata.category(c) in INVISIBLE or ord(c) in BLANK for c in name):
        raise NameRefused(_l("Enter a name without invisible or control characters."))
    # Full-width and small forms fold to @ in the key, where they would shadow an address.
    if "@" in name_key(name):
        raise NameRefused(_l("Enter a name without @. Your email address has a field of its own."))
    return name


def tidy(text: str) -> str:
    """Return `text` composed (NFC), with single spaces between words and none around them.

    A page shows several spaces as one. Keyboards add a variation selector to an emoji, unasked.
    """
    plain = unicodedata.normalize("NFC", text).translate({0xFE0E: None, 0xFE0F: None})
    return re.sub(r"[^\S\r\n]{2,}", " ", plain.strip())


def name_key(name: str) -> str:
    """Return what two spellings of one name share: NFKC, case-folded (Unicode 3.13, D147)."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return unicodedata.normalize("NFKC", folded)


def clean_address(text: str) -> str:
    """Return the address as it will be stored and mailed to, or raise AddressRefused."""
    if not text.strip():
        raise AddressRefused(_l("Enter your email address."))
    if len(text) > ADDRESS_LENGTH:
        raise AddressRefused
    # Imported for the first address: it compiles all that it knows of letters, for 20 ms.
    validate = import_string("email_validator").validate_email
    try:
        found = validate(text.strip(), check_deliverability=False)
    except ValueError as error:  # of which EmailNotValidError is one
        raise AddressRefused from error
    if len(address_key(found.normalized)) > ADDRESS_LENGTH:
        raise AddressRefused
    return str(found.normalized)


def address_key(address: str) -> str:
    """Return what two spellings of one address share: NFC, case-folded.

    Not NFKC: two mailboxes whose addresses merely look alike are two people.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", address).casefold())


def likelier_address(address: str) -> str | None:
    """Return the address that was probably meant, where the domain is a well-known slip."""
    local, _, domain = address.rpartition("@")
    meant = TYPED_FOR.get(domain)
    return f"{local}@{meant}" if meant else None
