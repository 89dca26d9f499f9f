"""What a person fills in about their own account."""

from flask_babel import lazy_gettext as _l
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]

from app.web.forms import (
    ChoiceField,
    CurrentPasswordField,
    Form,
    NewPasswordField,
    OwnAddressField,
)


class ChangePasswordForm(Form):
    current_password = CurrentPasswordField(_l("Current password"))
    password = NewPasswordField(_l("New password"))


class AppearanceForm(Form):
    theme = ChoiceField(
        _l("Colours"),
        choices=[
            SelectChoice("system", _l("As this device is set")),
            SelectChoice("light", _l("Light")),
            SelectChoice("dark", _l("Dark")),
        ],
    )


class EmailForm(Form):
    email = OwnAddressField(_l("Email address"))
