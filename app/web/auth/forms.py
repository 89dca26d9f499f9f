"""What a stranger fills in."""

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, HiddenField

from app.web.forms import (
    AddressField,
    CodeField,
    CurrentPasswordField,
    Form,
    IdentifierField,
    NameField,
    NewPasswordField,
    OwnAddressField,
)


class RegisterForm(Form):
    name = NameField(
        _l("Name"),
        description=_l("What others see and you log in with. Up to 32 characters, no @."),
    )
    email = OwnAddressField(_l("Email address"))
    password = NewPasswordField(_l("Password"))


class SetupForm(RegisterForm):
    def __init__(self) -> None:
        super().__init__()
        self.email.description = _l("Counts as confirmed: nobody but you can have read this link.")


class ConfirmForm(Form):
    password = CurrentPasswordField(_l("Password"))
    next = HiddenField()


class LoginForm(Form):
    identifier = IdentifierField(_l("Name or email address"))
    password = CurrentPasswordField(_l("Password"))
    remember = BooleanField(_l("Keep me logged in on this device"))
    next = HiddenField()


class CodeForm(Form):
    code = CodeField(_l("Code"), description=_l("The eight letters in the newest mail from us."))


class ForgottenForm(Form):
    email = AddressField(
        _l("Email address"), description=_l("The one that you confirmed for your account.")
    )


class ResetForm(Form):
    password = NewPasswordField(_l("New password"))
