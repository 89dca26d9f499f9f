"""The first page of an account: a check-up, each line with one action."""

from typing import NamedTuple

from flask import render_template, url_for
from flask_babel import gettext as _
from flask_login import current_user

from app.web.account.blueprint import bp


class Check(NamedTuple):
    label: str
    state: str
    tone: str  # "ok" or "warn"
    action: tuple[str, str] | None = None  # address and words


@bp.get("")
def overview() -> str:
    return render_template(
        "account/overview.html",
        checks=[email_check(), password_check()],
        facts=facts(),
    )


def email_check() -> Check:
    label, page = _("Email address"), url_for("account.email")
    if current_user.email:
        return Check(label, _("Confirmed"), "ok", (page, _("Show address")))
    if current_user.pending_email:
        return Check(label, _("Not confirmed"), "warn", (page, _("Confirm or correct address")))
    return Check(label, _("Missing"), "warn", (page, _("Add an address")))


def password_check() -> Check:
    change = (url_for("account.password"), _("Change password"))
    return Check(_("Password"), _("Set"), "ok", change)


def facts() -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = [(_("Name"), current_user.name)]
    if address := current_user.email or current_user.pending_email:
        rows.append((_("Email address"), address))
    if current_user.created_at:
        rows.append((_("Member since"), current_user.created_at))
    return rows
