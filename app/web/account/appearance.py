"""Light, dark, or as the system says."""

from flask import flash, redirect, request, url_for
from flask_babel import gettext as _

from app.web import theme
from app.web.account.blueprint import bp
from app.web.account.forms import AppearanceForm
from app.web.responses import Answer, form_page


@bp.route("/appearance", methods=["GET", "POST"])
def appearance() -> Answer:
    form = AppearanceForm(theme=theme.chosen(request))
    if form.validate_on_submit():
        flash(_("Colours saved for this browser."))
        response = redirect(url_for("account.appearance"), 303)
        theme.remember(response, form.theme.data)
        return response
    return form_page("account/appearance.html", form)
