"""What staff fill in when they act on people and on roles."""

from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, SelectMultipleField, StringField, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from app import mail
from app.accounts import lifecycle, role_definitions
from app.web.forms import AddressField, Form, NameField, accept


class ReasonField(StringField):
    """Why staff act on somebody's account."""

    data: Any

    def __init__(self, label: Any, **kwargs: Any) -> None:
        told = _l("Kept in the audit trail, and mailed to the person.")
        hint = _l("Kept in the audit trail.") if mail.is_off() else told
        attributes = {"autocomplete": "off", "maxlength": lifecycle.LONGEST_REASON}
        super().__init__(label, description=hint, render_kw=attributes, **kwargs)

    def pre_validate(self, form: Any) -> None:
        accept(lifecycle.clean_reason, self.data or "")


class OptionalAddressField(AddressField):
    def pre_validate(self, form: Any) -> None:
        if (self.data or "").strip():
            super().pre_validate(form)


class CheckboxesField(SelectMultipleField):
    """Any number of a few."""

    data: Any
    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()

    def pre_validate(self, form: Any) -> None:
        if set(self.data or ()) - {value for value, *_ in self.iter_choices()}:
            raise ValidationError(_l("Choose among these."))


class ShownField(HiddenField):
    """What the boxes showed when the form was opened: only what was changed since is changed."""

    data: Any

    def process_formdata(self, valuelist: list[str]) -> None:
        if valuelist:
            self.data = valuelist[0].split()

    def _value(self) -> str:
        return " ".join(self.data)


class RoleNameField(StringField):
    """What a role is called."""

    data: Any

    def pre_validate(self, form: Any) -> None:
        accept(role_definitions.clean_name, self.data or "")


class NewUserForm(Form):
    name = NameField(
        _l("Name"), description=_l("What others see, and they log in with. No spaces around, no @.")
    )
    email = OptionalAddressField(
        _l("Email address"),
        description=_l("Counts as confirmed: give one that you know to be theirs, or none."),
    )


class ReasonForm(Form):
    reason = ReasonField(_l("Reason"))


class AddressForm(Form):
    email = AddressField(_l("Email address"))
    reason = ReasonField(_l("Reason"))


class UserRolesForm(Form):
    roles = CheckboxesField(_l("Roles"))
    shown = ShownField()


class RoleForm(Form):
    permissions = CheckboxesField(_l("What its holders may do"))
    shown = ShownField()


class NewRoleForm(Form):
    name = RoleNameField(
        _l("Name"),
        description=_l("In small letters, 64 characters or fewer."),
        render_kw={"autocomplete": "off", "autocapitalize": "none"},
    )
    permissions = CheckboxesField(_l("What its holders may do"))


class ActForm(Form):
    """Nothing to fill in: a button and its token."""
