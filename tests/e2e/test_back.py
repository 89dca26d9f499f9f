"""What a browser keeps of somebody who has left."""

from playwright.sync_api import expect

from tests.e2e.browser import Visitors, log_in
from tests.e2e.site import ADA, Site


def test_back_after_logging_out_shows_nothing_of_the_account(
    visitors: Visitors, site: Site
) -> None:
    with visitors.page(base_url=site.url) as page:  # a session of its own: this one ends
        log_in(page, site, ADA)
        page.goto("/account/password")
        page.goto("/account")
        expect(page.locator("main").get_by_text("ada.lovelace@example.com")).to_be_visible()
        page.locator("header summary").click()
        page.locator("header").get_by_role("button", name="Log out").click()
        expect(page).to_have_url("/logout")

        for _ in range(2):
            page.go_back()
            expect(page).to_have_title("Log in · Gatehouse")
            assert "ada" not in page.locator("main").inner_text().lower()
