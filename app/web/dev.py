"""For the developer at this machine; never registered in production."""

from datetime import timedelta

from flask import Blueprint, render_template
from wtforms import BooleanField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]

from app import clock
from app.web.forms import AddressField, ChoiceField, CurrentPasswordField, Form
from app.web.guards import public

bp = Blueprint("dev", __name__, url_prefix="/dev")


class EveryField(Form):
    """One field of each kind, for looking at."""

    text = StringField("Text", description="A hint says what is wanted.")
    email = AddressField("Email address")
    password = CurrentPasswordField("Password")
    checkbox = BooleanField("Keep me logged in")
    radios = ChoiceField(
        "Theme",
        choices=[SelectChoice("light", "Light"), SelectChoice("dark", "Dark")],
        default="light",
    )


@bp.get("/components")
@public
def components() -> str:
    """Every component in every state."""
    plain, refused = EveryField(prefix="plain"), EveryField(prefix="refused")
    for field in (refused.text, refused.email, refused.password, refused.radios):
        field.errors = ["Say what to do about it."]
    moment = clock.now() - timedelta(hours=3)
    return render_template("dev/components.html", plain=plain, refused=refused, moment=moment)
