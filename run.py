"""What servers serve: run:app. `python run.py` serves it for development, worker included."""

from flask.cli import load_dotenv
from werkzeug.utils import import_string

from app import create_app

load_dotenv()  # as the flask command does
app = create_app()

if __name__ == "__main__":
    import_string("app.cli.develop:main")(app, create_app)
