"""What a stranger fills in."""

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, HiddenField

from app.web.forms import (
    AddressField,
    CurrentPasswordField,
    Form,
    IdentifierField,
    NameField,
    NewPasswordField,
)


class RegisterForm(Form):
    name = NameField(
        _l("Name"),
        description=_l("What others see and you log in with. Up to 32 characters, no @."),
    )
    email = AddressField(
        _l("Email address"),
        description=_l("So that you can get back in if you forget your password."),
    )
    password = NewPasswordField(_l("Password"))


class ConfirmForm(Form):
    password = CurrentPasswordField(_l("Password"))
    next = HiddenField()


class LoginForm(Form):
    identifier = IdentifierField(_l("Name or email address"))
    password = CurrentPasswordField(_l("Password"))
    remember = BooleanField(_l("Keep me logged in on this device"))
    next = HiddenField()
