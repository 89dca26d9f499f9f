"""The limit of a page (L1): a bare Flask view with a template of two lines, and nothing else."""

from flask import Flask, render_template_string

app = Flask(__name__)
PAGE = "<!DOCTYPE html><title>{{ title }}</title>\n<h1>{{ title }}</h1>"


@app.get("/")
def bare() -> str:
    return render_template_string(PAGE, title="Bare")
