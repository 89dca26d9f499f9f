"""The filters of the staff's lists. They live in the address, so that a list can be sent on."""

import functools
import ipaddress
from collections.abc import Iterable
from datetime import date
from typing import Any

import wtforms
from flask import request
from flask_babel import lazy_gettext as _l
from wtforms import SearchField, SelectField, StringField, ValidationError
from wtforms.widgets import DateInput, TextInput

from app.accounts import directory, names
from app.audit import EVENTS
from app.web.admin import words
from app.web.forms import choices

FIRST_YEAR, LAST_YEAR = 2000, 3000  # what every engine can compare with


class Filters(wtforms.Form):
    """A form that asks: by GET, without a token."""

    class Meta(wtforms.Form.Meta):
        locales = ["en"]

    def __init__(self) -> None:
        super().__init__(request.args)

    @property
    def cursor(self) -> str | None:
        return request.args.get("cursor")

    @functools.cached_property
    def chosen(self) -> dict[str, Any]:
        """What stands in the address, for the links to the same list's other pages."""
        return {name: str(request.args[name]) for name in self._fields if request.args.get(name)}


class Choice(SelectField):
    """One of a few, where an unknown one counts as none."""

    data: Any
    choices: Any

    def __init__(self, label: Any, offered: Iterable[tuple[str, Any]], **kwargs: Any) -> None:
        options = {"default": ""} | kwargs
        super().__init__(label, choices=choices(offered), validate_choice=False, **options)

    def process_formdata(self, valuelist: list[str]) -> None:
        # NUL cannot be stored, so it cannot be looked up either: PostgreSQL would refuse to try.
        super().process_formdata([value.replace("\0", "\ufffd") for value in valuelist])

    @property
    def is_chosen(self) -> bool:
        return bool(self.data != self.default)

    def offer(self, offered: Iterable[tuple[str, Any]]) -> None:
        self.choices = [*self.choices, *choices(offered)]


class UserFilters(Filters):
    q = SearchField(_l("Name, address or id"), default="", render_kw={"data-search": ""})
    status = Choice(_l("Status"), [("", _l("Any")), *words.STATUSES.items()])
    role = Choice(_l("Role"), [("", _l("Any"))])
    sort = Choice(
        _l("Order"),
        [("newest", _l("Newest first")), ("oldest", _l("Oldest first")), ("name", _l("By name"))],
        default=directory.NEWEST,
    )


class PersonField(StringField):
    """Somebody who may be gone: an id is taken as it is, a name or an address is looked up."""

    person: int | None = None

    def pre_validate(self, form: Any) -> None:
        text = (self.data or "").strip()
        if not text:
            return
        found = directory.find(text)
        self.person = found.id if found else int(text) if directory.is_id(text) else None
        if self.person is None:
            raise ValidationError(_l("Nobody has this id, name or confirmed address."))


class DayField(StringField):
    """A day in UTC."""

    widget: Any = DateInput()
    day: date | None = None

    def pre_validate(self, form: Any) -> None:
        if not self.data:
            return
        try:
            self.day = date.fromisoformat(self.data)
        except ValueError:
            self.day = None
        if self.day is None or not FIRST_YEAR <= self.day.year < LAST_YEAR:
            self.widget = TextInput()  # a date input would show nothing of what was typed
            raise ValidationError(_l("Enter a day like 2026-11-23."))


class IpField(StringField):
    """An IP address, as the trail writes it."""

    ip: str | None = None

    def pre_validate(self, form: Any) -> None:
        try:
            text = (self.data or "").strip()
            self.ip = str(ipaddress.ip_address(text.partition("%")[0])) if text else None
        except ValueError as error:
            raise ValidationError(_l("Enter an IP address like 192.0.2.1.")) from error


class AuditFilters(Filters):
    who = PersonField(_l("Who"), description=_l("Name, address or id"))
    event = Choice(_l("What"), [("", _l("Anything")), *((e, words.event(e)) for e in EVENTS)])
    whom = PersonField(_l("Whom"), description=_l("Name, address or id"))
    ip = IpField(_l("From where"), description=_l("IP address"))
    since = DayField(_l("From day"))
    until = DayField(_l("To day"))


class MailFilters(Filters):
    state = Choice(_l("State"), [("", _l("Any")), *words.MAIL_STATES.items()])
    to = StringField(_l("Recipient"), render_kw={"data-search": ""})

    @property
    def recipient_key(self) -> str | None:
        text = (self.to.data or "").strip().replace("\0", "\ufffd")
        return names.address_key(text) if text else None
