"""For the developer at this machine; never registered in production."""

from datetime import timedelta
from typing import NamedTuple

from flask import Blueprint, Response, abort, current_app, render_template, url_for
from jinja2 import TemplateError
from wtforms import BooleanField, SelectField, StringField

from app import clock, mail
from app.mail import Mail, Unreadable
from app.web.admin.filters import UserFilters
from app.web.forms import AddressField, ChoiceField, CurrentPasswordField, Form, choices
from app.web.guards import public
from app.web.samples import samples

bp = Blueprint("dev", __name__, url_prefix="/dev")

NEWEST = 50
# A mail has its style within it and nothing else; it may no more than be looked at.
POLICY_OF_A_MAIL = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox allow-top-navigation-by-user-activation"
)


class EveryField(Form):
    """One field of each kind, for looking at."""

    text = StringField("Text", description="A hint says what is wanted.")
    email = AddressField("Email address")
    password = CurrentPasswordField("Password")
    checkbox = BooleanField("Keep me logged in")
    select = SelectField("Sort by", choices=choices([("name", "Name"), ("came", "Came")]))
    radios = ChoiceField(
        "Theme",
        choices=choices([("light", "Light"), ("dark", "Dark")]),
        default="light",
    )


@bp.get("/components")
@public
def components() -> str:
    """Every component in every state."""
    plain, refused = EveryField(prefix="plain"), EveryField(prefix="refused")
    for field in refused:
        field.errors = [] if field.flags.hidden else ["Say what to do about it."]
    moment = clock.now() - timedelta(hours=3)
    return render_template(
        "dev/components.html",
        plain=plain,
        refused=refused,
        moment=moment,
        filters=UserFilters(),
        **samples(),
    )


class Letter(NamedTuple):
    """A mail as it is read here: subject and text are missing where the row has lost them."""

    row: Mail
    subject: str = ""
    text: str = ""


def mail_page() -> str | None:
    """Return where the mails of this site are read, or None: they go to their recipients."""
    is_here = bp.name in current_app.blueprints and mail.is_kept()
    return url_for("dev.mails") if is_here else None


@bp.get("/mail")
@public
def mails() -> str:
    """The newest mails, those that no worker has taken yet as well."""
    refuse_where_mail_leaves()
    letters = [opened(row) for row in mail.newest(NEWEST)]
    return render_template("dev/mail.html", letters=letters)


@bp.get("/mail/<row_id:mail_id>.html")
@public
def mail_html(mail_id: int) -> Response:
    """One mail as a mail program shows it."""
    refuse_where_mail_leaves()
    row = mail.get(mail_id) or abort(404)
    try:
        body = mail.rendered(row).get_body(("html",))
    except (Unreadable, TemplateError):
        abort(404)
    assert body is not None
    return Response(body.get_content(), headers={"Content-Security-Policy": POLICY_OF_A_MAIL})


def refuse_where_mail_leaves() -> None:
    """What a mail server takes is for its recipients alone, on this machine too."""
    if not mail.is_kept():
        abort(404)


def opened(row: Mail) -> Letter:
    try:
        message = mail.rendered(row)
    except (Unreadable, TemplateError):  # of another release, perhaps
        return Letter(row)
    body = message.get_body(("plain",))
    assert body is not None
    return Letter(row, message["Subject"], body.get_content())
