"""The form and the fields that every screen shares. A field is described once."""

from collections.abc import Iterable
from typing import Any

from flask import current_app, g, has_request_context, request
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import EmailField, PasswordField, RadioField, StringField, ValidationError
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]

from app import mail
from app.accounts import names, passwords, tokens
from app.accounts.errors import Refusal
from app.web import csrf


class Form(FlaskForm):
    """A form that can be shown again with what was typed into it, where it could not be read."""

    class Meta(FlaskForm.Meta):
        locales = ["en"]
        csrf_class = csrf.OfForms

        def wrap_formdata(self, form: Any, formdata: Any) -> Any:
            # Text and nothing else: in place of a field, a file or JSON is of a type that no rule
            # expects.
            if not form.is_submitted():
                return g.get("kept_answers") if has_request_context() else None
            return request.form

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if g.get("kept_answers") is not None:
            self.form_errors.append(g.kept_because)
            g.answers_shown = True

    def refuse(self, field: Any, refusal: Refusal) -> None:
        """Put a verb's refusal beside the field that it is about."""
        field.errors = [*field.errors, refusal.message]


class NameField(StringField):
    """A public handle, in the words of its own rule."""

    data: Any  # a string wherever the form is valid

    def __init__(self, label: Any, **kwargs: Any) -> None:
        attributes = {"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        super().__init__(label, render_kw=attributes, **kwargs)

    def pre_validate(self, form: Any) -> None:
        accept(names.clean_name, self.data or "")


class AddressField(EmailField):
    """One email address, with room for the longest."""

    data: Any

    def __init__(self, label: Any, **kwargs: Any) -> None:
        attributes = {
            "autocomplete": "email",
            "autocapitalize": "none",
            "spellcheck": "false",
            "maxlength": names.ADDRESS_LENGTH,
        }
        super().__init__(label, render_kw=attributes, **kwargs)

    def pre_validate(self, form: Any) -> None:
        accept(names.clean_address, self.data or "")


class OwnAddressField(AddressField):
    """The address that somebody gives for themselves, and what it is good for on this site."""

    def __init__(self, label: Any, **kwargs: Any) -> None:
        hint = _l("So that you can get back in if you forget your password.")
        if mail.is_off():
            hint = _l("You can log in with it, as with your name.")
        super().__init__(label, description=hint, **kwargs)


class IdentifierField(StringField):
    """A name or an address: whatever somebody logs in with."""

    data: Any

    def __init__(self, label: Any, **kwargs: Any) -> None:
        attributes = {
            "autocomplete": "username webauthn",
            "autocapitalize": "none",
            "spellcheck": "false",
        }
        super().__init__(label, render_kw=attributes, **kwargs)

    def pre_validate(self, form: Any) -> None:
        if not self.data:  # a blank may be somebody's: the tutorial let in any name
            raise ValidationError(_l("Enter your name or email address."))
        if len(self.data) > names.LONGEST_TYPED:
            raise ValidationError(_l("Enter your name or email address; this is longer than any."))


class CurrentPasswordField(PasswordField):
    data: Any

    def __init__(self, label: Any, **kwargs: Any) -> None:
        super().__init__(label, render_kw={"autocomplete": "current-password"}, **kwargs)

    def pre_validate(self, form: Any) -> None:
        if not self.data:
            raise ValidationError(_l("Enter your password."))


class NewPasswordField(PasswordField):
    """A password to be: only its length is looked at here, the rest by the verb."""

    data: Any

    def __init__(self, label: Any, **kwargs: Any) -> None:
        least = current_app.config["PASSWORD_MIN_LENGTH"]
        attributes = {"autocomplete": "new-password", "passwordrules": f"minlength: {least};"}
        hint = _l("%(least)s characters or more. Three random words work well.", least=least)
        super().__init__(label, description=hint, render_kw=attributes, **kwargs)

    def pre_validate(self, form: Any) -> None:
        accept(passwords.check_length, self.data or "")


class CodeField(StringField):
    """The short code from a mail, however it is typed."""

    data: Any

    def __init__(self, label: Any, **kwargs: Any) -> None:
        attributes = {
            "autocomplete": "one-time-code",
            "autocapitalize": "characters",
            "spellcheck": "false",
        }
        super().__init__(label, render_kw=attributes, **kwargs)

    def pre_validate(self, form: Any) -> None:
        accept(tokens.clean_code, self.data or "")


class ChoiceField(RadioField):
    """One of a few, in our words when it is none of them."""

    def pre_validate(self, form: Any) -> None:
        if self.data not in [value for value, *_ in self.iter_choices()]:
            raise ValidationError(_l("Choose one of these."))


def choices(pairs: Iterable[tuple[str, Any]]) -> list[Any]:
    """Return what a field offers, from pairs of a value and its words."""
    return [SelectChoice(value, words) for value, words in pairs]


def accept(rule: Any, text: str) -> None:
    """Turn a rule's refusal into the field's error."""
    try:
        rule(text)
    except Refusal as refusal:
        raise ValidationError(refusal.message) from refusal
