"""A file whose address names what is in it is kept for a year; any other is asked for again."""

import re
from pathlib import Path

import pytest
from flask import Flask, render_template_string

A_YEAR = "public, max-age=31536000, immutable"


def address(app: Flask, name: str) -> str:
    with app.test_request_context():
        return render_template_string("{{ url_for('static', filename=name) }}", name=name)


@pytest.mark.parametrize("name", ["app.css", "app.js", "favicon.svg"])
def test_the_files_of_a_page_are_kept_for_a_year(app: Flask, name: str) -> None:
    where = address(app, name)

    assert re.search(r"\?v=[0-9a-f]{16}$", where)
    response = app.test_client().get(where)
    assert response.headers["Cache-Control"] == A_YEAR
    assert "Cookie" not in response.headers.get("Vary", "")
    assert "Set-Cookie" not in response.headers


def test_every_file_of_the_page_is_asked_for_by_its_digest(app: Flask) -> None:
    page = app.test_client().get("/").get_data(as_text=True)

    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    assert len(files) >= 3
    assert all("?v=" in file for file in files)


@pytest.mark.parametrize("query", ["", "?v=", "?v=0000000000000000", "?w=1"])
def test_another_digest_gets_the_file_but_no_year(app: Flask, query: str) -> None:
    response = app.test_client().get(f"/static/app.css{query}")

    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-cache"


def test_what_is_not_there_is_not_kept(app: Flask) -> None:
    assert "v=" not in address(app, "nowhere.css")
    digest = address(app, "app.css").partition("?")[2]
    for name in ("nowhere.css", "%00", "..%2fconfig.py"):
        response = app.test_client().get(f"/static/{name}?{digest}")
        assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.own_site
def test_a_file_that_changes_gets_another_address(app: Flask, tmp_path: Path) -> None:
    app.static_folder = str(tmp_path)
    (tmp_path / "a.css").write_text("before")
    before = address(app, "a.css")

    (tmp_path / "a.css").write_text("after it")

    assert address(app, "a.css") != before
    assert app.test_client().get(before).headers["Cache-Control"] == "no-cache"
    assert app.test_client().get(address(app, "a.css")).headers["Cache-Control"] == A_YEAR
