"""The rules of the house, held by walking its syntax trees.

A rule gets a House, which is file names and their text, and yields each breach: where, and what to
do instead. It comes with an example that breaks it, so that a rule which can no longer fail is
found out.
"""

import ast
import re
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent

# Who may import whom, from the outside in; an arrow never turns back.
LAYERS = [
    {"app"},
    {"app.web", "app.cli"},
    {"app.accounts", "app.revisions"},
    {"app.schema"},
    {"app.audit", "app.mail", "app.jobs", "app.throttle", "app.crypto", "app.proxies"},
    {"app.db", "app.clock"},
]
STRANGERS = [
    {"app.web", "app.cli"},
    {"app.accounts", "app.schema"},
    {"app.accounts", "app.revisions"},
    {"app.db", "app.clock"},
]
GROUND = {"app.db", "app.clock"}

# In the domain, flows use mechanisms, never the reverse; everyone may use models and errors.
FLOWS = {
    "addresses",
    "recovery",
    "expiry",
    "resealing",
    "role_definitions",
    "retention",
    "crowd",
    "registration",
    "authentication",
    "passwords",
    "statistics",
    "confirmation",
    "directory",
    "lifecycle",
    "setup",
}
MECHANISMS = {"names", "hashing", "sessions", "roles", "tokens", "mails"}
FOR_EVERYONE = {"models", "errors"}

REQUEST = {"request", "session", "g", "flash", "current_user", "has_request_context"}
# Under @atomic, but nobody's act: nothing is decided, nothing is recorded.
NOBODY_ACTS = {
    "sessions.note_seen",
    "statistics.store",
    "tokens.count_try",
    "retention.remove",
    "crowd.move_in",
    "resealing.write",
}

LONGEST_FUNCTION = 40
LONGEST_MODULE = 260
LARGEST_SCHEMA = 2000
LONGEST_TEMPLATE = 60
GALLERY = "templates/dev/components.html"
OF_ANY_LENGTH = {GALLERY}  # one example after the other
STAGES = {"expand", "backfill", "contract"}
PATH_OF_A_MACHINE = re.compile(r"(?<![\w.}])/(?:work|root|home|Users)/\w")
STOPWATCHES = {"perf_counter", "perf_counter_ns", "process_time", "timeit"}
CLOCKS = {"monotonic", "monotonic_ns", "time", "time_ns"}

Breach = tuple[str, str]
Check = Callable[["House"], Iterator[Breach]]


class House:
    """The files of the project, or of an example: name → text."""

    def __init__(self, files: dict[str, str]) -> None:
        self.files = files

    @cached_property
    def trees(self) -> dict[str, ast.Module]:
        return {name: ast.parse(text) for name, text in self.files.items() if name.endswith(".py")}

    def nodes(self, kind: type | tuple[type, ...], *places: str) -> Iterator[tuple[str, ast.AST]]:
        """Yield where, and the node, for each node of that kind in the files of these places."""
        for name, tree in self.trees.items():
            if name.startswith(places):
                for node in ast.walk(tree):
                    if isinstance(node, kind):
                        yield f"{name}:{getattr(node, 'lineno', 1)}", node

    def imports(self, *places: str) -> Iterator[tuple[str, str, str]]:
        """Yield where, the module, and what of it is imported (nothing: the module itself)."""
        for where, node in self.nodes((ast.Import, ast.ImportFrom), *places):
            for alias in node.names:
                if isinstance(node, ast.Import):
                    yield where, alias.name, ""
                else:
                    yield where, node.module or "", alias.name

    def arrows(self, *places: str) -> Iterator[tuple[str, str, str]]:
        """Yield where, and from which module of the project to which."""
        ours = {module_of(name) for name in self.trees}
        for where, module, what in self.imports(*places):
            if module.partition(".")[0] == "app":
                part = f"{module}.{what}"
                yield where, module_of(where), part if part in ours else module

    def templates(self) -> Iterator[tuple[str, str]]:
        return ((name, text) for name, text in self.files.items() if name.startswith("templates/"))

    def revisions(self) -> list[str]:
        return sorted(name for name in self.trees if name.startswith("migrations/versions/"))


class Rule(NamedTuple):
    check: Check
    broken: dict[str, str]


RULES: list[Rule] = []


def rule(broken: dict[str, str]) -> Callable[[Check], Check]:
    """Register a rule, with files that break it."""

    def register(check: Check) -> Check:
        RULES.append(Rule(check, broken))
        return check

    return register


def our_files(root: Path) -> Iterator[tuple[str, str]]:
    for top in root.iterdir():
        hidden = top.is_dir() and top.name.startswith(".") and top.name != ".ci"
        if hidden or top.name in {"instance", ".git"}:  # in a worktree, .git is a file
            continue
        for path in top.rglob("*") if top.is_dir() else [top]:
            if path.is_file() and path.suffix not in {".pyc", ".png"}:
                yield path.relative_to(root).as_posix(), path.read_text(errors="replace")


def module_of(where: str) -> str:
    path = where.partition(":")[0].removesuffix(".py").removesuffix("/__init__")
    return path.replace("/", ".")


def floor(module: str) -> tuple[int, str]:
    """Return the layer and the part of the house that a module belongs to."""
    part = ".".join(module.split(".")[:2])
    for number, parts in enumerate(LAYERS):
        if part in parts:
            return number, part
    return len(LAYERS), part


def called(call: ast.AST) -> str:
    function = getattr(call, "func", call)
    return getattr(function, "attr", None) or getattr(function, "id", "")


def decorators(function: ast.AST) -> set[str]:
    return {called(node) for node in function.decorator_list}


def assigned(tree: ast.Module, name: str) -> object:
    """Return the constant that a module gives this name, or None."""
    for node in tree.body:
        targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            value = getattr(node, "value", None)
            return value.value if isinstance(value, ast.Constant) else None
    return None


FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


# Who may import whom


@rule(broken={"app/audit.py": "from app.accounts import models", "app/accounts/models.py": ""})
def arrows_never_turn_back(house: House) -> Iterator[Breach]:
    for where, importer, target in house.arrows("app/"):
        (outer, part), (inner, other) = floor(importer), floor(target)
        if part not in set().union(*LAYERS):
            yield where, f"give {part} its place in LAYERS"
        elif inner < outer or (part != other and any({part, other} <= two for two in STRANGERS)):
            yield where, f"{importer} may not know {target}: pass it in, or move what both need"


@rule(broken={"app/schema/stages.py": "from app import audit", "app/audit.py": ""})
def the_schema_knows_only_the_ground(house: House) -> Iterator[Breach]:
    for where, _, target in house.arrows("app/schema/"):
        if floor(target)[1] not in GROUND | {"app.schema"}:
            yield where, f"app/schema works on any tables: pass in what it needs of {target}"


@rule(broken={"app/revisions/plan.py": "from app import jobs", "app/jobs.py": ""})
def the_revisions_know_only_the_schema(house: House) -> Iterator[Breach]:
    for where, _, target in house.arrows("app/revisions/"):
        if floor(target)[1] not in GROUND | {"app.schema", "app.revisions"}:
            yield (
                where,
                f"app/revisions serves any site: pass in what it needs of {target}",
            )


@rule(broken={"migrations/versions/0001_a.py": "from app.accounts.models import User"})
def a_revision_never_imports_the_models(house: House) -> Iterator[Breach]:
    for where, module, _ in house.imports("migrations/versions/"):
        if module.startswith("app") and not module.startswith("app.schema"):
            yield where, "freeze the table as it is here: sa.table(...); the models move on"


@rule(
    broken={
        "app/accounts/sessions.py": "from app.accounts import registration",
        "app/accounts/registration.py": "",
    }
)
def mechanisms_never_use_flows(house: House) -> Iterator[Breach]:
    for where, importer, target in house.arrows("app/accounts/"):
        one, other = importer.split(".")[-1], target.split(".")[-1]
        if not target.startswith("app.accounts."):
            continue
        if one not in FLOWS | MECHANISMS | FOR_EVERYONE:
            yield where, f"say in FLOWS or MECHANISMS which of the two {one} is"
        elif one not in FLOWS and other in FLOWS:
            yield where, f"a mechanism never uses a flow: call {one} from {other}"
        elif one in FOR_EVERYONE and other not in FOR_EVERYONE:
            yield where, f"{one} stands below the rest of accounts: move what it needs of {other}"


@rule(broken={"app/db/__init__.py": "def f():\n    import app.audit"})
def no_import_inside_a_function(house: House) -> Iterator[Breach]:
    for where, function in house.nodes(FUNCTION, "app/", "migrations/", "config.py", "run.py"):
        for node in ast.walk(function):
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield where, "import at the top; break a circle by moving what both need down"


@rule(broken={"app/a.py": "", "app/b.py": "from app import a\na._hidden()"})
def no_underscore_crosses_a_module(house: House) -> Iterator[Breach]:
    hint = "a leading underscore is private to its module: give it a name, or ask for what it does"
    app_imports = [row for row in house.imports("app/", "migrations/") if row[1].startswith("app")]
    for where, _, what in app_imports:
        if what.startswith("_"):
            yield where, hint
    ours = {(module_of(where), what) for where, module, what in app_imports}
    for where, node in house.nodes(ast.Attribute, "app/", "migrations/"):
        private = node.attr.startswith("_") and not node.attr.startswith("__")
        if private and (module_of(where), getattr(node.value, "id", "")) in ours:
            yield where, hint


# The domain and its doors


@rule(broken={"app/accounts/a.py": "from flask import current_app, request"})
def nothing_of_the_request_in_the_domain(house: House) -> Iterator[Breach]:
    for where, module, what in house.imports("app/accounts/", "app/schema/", "app/revisions/"):
        if (module == "flask" and what in REQUEST | {""}) or module.startswith("flask_login"):
            yield where, f"the domain has no request: take what {what or module} says as input"


@rule(broken={"app/web/a.py": "from app.db import db\ndb.session.get(User, 1)"})
def doors_never_touch_the_database(house: House) -> Iterator[Breach]:
    for where, node in house.nodes(ast.Attribute, "app/web/", "app/cli"):
        if node.attr == "session" and called(node.value) == "db":
            yield where, "move the query or the change into a function of app/accounts"


@rule(broken={"app/web/a.py": "login_user(a)", "app/web/login_flow.py": "login_user(a)"})
def login_user_is_called_once(house: House) -> Iterator[Breach]:
    calls = [where for where, call in house.nodes(ast.Call, "app/") if called(call) == "login_user"]
    for where in calls if len(calls) != 1 else []:
        yield where, "login_flow.complete is the only door to a log-in: call that"
    if not calls and "app/web/login_flow.py" in house.files:
        yield "app/web/login_flow.py", "log in here, in complete(), and nowhere else"


@rule(broken={"app/accounts/a.py": "@atomic\ndef close(user, by): ..."})
def a_verb_says_who_acts(house: House) -> Iterator[Breach]:
    verbs = set()
    for where, function in house.nodes(FUNCTION, "app/accounts/"):
        if "atomic" not in decorators(function):
            continue
        verb = f"{module_of(where).split('.')[-1]}.{function.name}"
        verbs.add(verb)
        takes_by = any(argument.arg == "by" for argument in function.args.kwonlyargs)
        if not takes_by and verb not in NOBODY_ACTS:
            yield where, f"{verb} changes something: take keyword-only `by` and record who it was"
    if verbs:
        yield from ((verb, "is gone: take it out of NOBODY_ACTS") for verb in NOBODY_ACTS - verbs)


@rule(
    broken={
        "app/web/a.py": "@bp.route('/x', methods=['GET', 'POST'])\ndef x():\n    do(by=visitor())"
    }
)
def a_get_changes_nothing(house: House) -> Iterator[Breach]:
    for where, function in house.nodes(FUNCTION, "app/web/"):
        for route in filter(is_route, function.decorator_list):
            if methods(route) != {"POST"}:
                yield from acts_unasked(where, function.body)


@rule(
    broken={
        "app/web/admin/a.py": "@bp.get('/x')\ndef x(): ...",
        "app/web/admin/b.py": "@requires('users.view')\n@bp.get('/y')\ndef y(): ...",
    }
)
def each_route_of_the_staff_names_its_permission(house: House) -> Iterator[Breach]:
    for where, function in house.nodes(FUNCTION, "app/web/admin/"):
        inwards = [called(node) for node in function.decorator_list]
        if any(map(is_route, function.decorator_list)) and inwards[-1:] != ["requires"]:
            yield where, "put @requires(permission) right above the function, below its route"


def is_route(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and called(node) in {"route", "get", "post"}


def methods(route: ast.Call) -> set[str]:
    if called(route) != "route":
        return {called(route).upper()}
    named = next((word.value for word in route.keywords if word.arg == "methods"), None)
    return {node.value for node in named.elts} if named else {"GET"}


def acts_unasked(where: str, body: list[ast.stmt]) -> Iterator[Breach]:
    """Yield the calls of a verb (they name who acts) that no question after the method guards."""
    for statement in body:
        asked = ast.unparse(statement.test) if isinstance(statement, ast.If) else ""
        if asked == "request.method != 'POST'" and isinstance(statement.body[-1], ast.Return):
            return
        if "validate_on_submit()" in asked:
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and any(word.arg == "by" for word in node.keywords):
                yield where, "a GET changes nothing: call it in `if form.validate_on_submit()`"


@rule(broken={"app/accounts/a.py": "@jobs.periodic('a.b', every=DAY)\ndef b(): ..."})
def the_worker_knows_every_handler(house: House) -> Iterator[Breach]:
    known = {target for _, _, target in house.arrows("app/cli/worker.py")}
    for where, function in house.nodes(FUNCTION, "app/"):
        registers = decorators(function) & {"handler", "periodic"}
        if registers and not any(module_of(where).startswith(module) for module in known):
            yield where, "nobody would do these jobs: import the module in app/cli/worker.py"


# Pages and revisions


@rule(broken={"templates/auth/old.html": "", "app/web/a.py": "render_template('auth/new.html')"})
def every_template_is_rendered(house: House) -> Iterator[Breach]:
    named = {node.value for _, node in house.nodes(ast.Constant, "app/")}
    # A mail is sent by its kind: mail.send("verify", …).
    sent = [call.args[:1] for _, call in house.nodes(ast.Call, "app/") if is_sending(call)]
    kinds = {kind.value for [kind] in sent if isinstance(kind, ast.Constant)}
    named |= {f"mail/{kind}{ending}" for kind in kinds for ending in (".txt", ".html")}
    for _, text in house.templates():
        named |= set(re.findall(r"""["']([\w/.-]+\.\w+)["']""", text))
    for name, _ in house.templates():
        if name.removeprefix("templates/") not in named:
            yield name, "nobody renders or includes it: delete it"


@rule(broken={"templates/_macros/new.html": "", GALLERY: ""})
def each_component_has_an_example(house: House) -> Iterator[Breach]:
    templates = dict(house.templates())
    shown, waiting = set(), [GALLERY]
    while waiting:
        name = waiting.pop()
        if name not in shown:
            shown.add(name)
            found = re.findall(r'(?:import|from) "(_macros/[\w.]+)"', templates.get(name, ""))
            waiting += [f"templates/{macros}" for macros in found]
    for name in templates:
        if name.startswith("templates/_macros/") and name not in shown:
            yield name, f"give it an example in {GALLERY}"


def is_sending(call: ast.Call) -> bool:
    return called(call) in {"send", "send_now", "to_owner"} and bool(call.args)


@rule(
    broken={
        "templates/mail/a.txt": "{% block subject %}{% endblock %}{{ link }}",
        "templates/mail/b.html": "{% block button %}{% endblock %}",
        "templates/mail/b.txt": "{% block subject %}{% endblock %}",
    }
)
def a_mail_has_text_and_html_with_the_same_link(house: House) -> Iterator[Breach]:
    mails = {n: t for n, t in house.templates() if re.match(r"templates/mail/[^_/]+$", n)}
    for name, text in mails.items():
        stem, _, ending = name.rpartition(".")
        other = f"{stem}.{'html' if ending == 'txt' else 'txt'}"
        if other not in mails:
            yield name, f"somebody reads the other form: write {other}"
        elif ("block button" in text) != ("block button" in mails[other]):
            yield name, "the link stands in both forms: {% block button %} in both, or in neither"
        if re.search(r"""{{[^}"']*\blink\b""", text):
            yield name, "mail/_layout shows the link, once: give its words in {% block button %}"
        if ending == "txt" and "block subject" not in text:
            yield name, "say what it is about in {% block subject %}, in the text"


@rule(
    broken={
        "migrations/versions/0001_a.py": '"""A. [expand]"""\nstage = "expand"\nrevision = "0001"',
        "migrations/versions/0003_b.py": '"""B."""\nrevision = "3"',
        "migrations/HEAD": "0002",
    }
)
def revisions_are_numbered_and_staged(house: House) -> Iterator[Breach]:
    before = None
    for number, name in enumerate(house.revisions(), start=1):
        tree, expected = house.trees[name], f"{number:04}"
        if not re.fullmatch(rf"{expected}_\w+\.py", Path(name).name):
            yield name, f"numbers have no gaps and no doubles: call it {expected}_what_it_does.py"
        if assigned(tree, "revision") != expected or assigned(tree, "down_revision") != before:
            yield name, f"revision is {expected!r}, down_revision {before!r}, as its file name says"
        stage = assigned(tree, "stage")
        first = (ast.get_docstring(tree) or "").partition("\n")[0]
        if stage not in STAGES or not first.endswith(f"[{stage}]"):
            yield name, "name its stage in `stage` and in brackets at the end of the first line"
        before = expected
    if before and house.files.get("migrations/HEAD", "").strip() != before:
        yield "migrations/HEAD", f"hold the newest number, {before}, so that two branches conflict"


# Size, and what never belongs in a file


@rule(broken={"app/a.py": "def f():\n" + "    x\n" * LONGEST_FUNCTION})
def functions_are_short(house: House) -> Iterator[Breach]:
    for where, function in house.nodes(FUNCTION, "app/", "migrations/", "config.py", "run.py"):
        if function.end_lineno - function.lineno >= LONGEST_FUNCTION:
            yield where, f"split {function.name}: {LONGEST_FUNCTION} lines at most"


@rule(broken={"app/a.py": "x\n" * (LONGEST_MODULE + 1)})
def modules_are_short(house: House) -> Iterator[Breach]:
    for name in house.trees:
        if name.startswith("app/") and house.files[name].count("\n") > LONGEST_MODULE:
            yield name, f"split it by subject: {LONGEST_MODULE} lines at most"


@rule(broken={f"app/schema/{name}.py": "x\n" * (LARGEST_SCHEMA // 2) for name in "ab"})
def the_schema_is_small(house: House) -> Iterator[Breach]:
    files = [name for name in house.trees if name.startswith("app/schema/")]
    if sum(house.files[name].count("\n") for name in files) >= LARGEST_SCHEMA:
        yield "app/schema/", f"under {LARGEST_SCHEMA} lines: work on files is app/revisions"


@rule(broken={"templates/a.html": "<p>\n" * (LONGEST_TEMPLATE + 1)})
def templates_are_short(house: House) -> Iterator[Breach]:
    for name, text in house.templates():
        if text.count("\n") > LONGEST_TEMPLATE and name not in OF_ANY_LENGTH:
            yield name, f"split it by subject, or into macros: {LONGEST_TEMPLATE} lines at most"


@rule(broken={"tests/test_a.py": "assert time.monotonic() - started < 1"})
def no_test_measures_time(house: House) -> Iterator[Breach]:
    hint = "count statements, hashes or messages: how long it takes depends on the machine"
    for where, node in house.nodes((ast.Name, ast.Attribute), "tests/"):
        if called(node) in STOPWATCHES:
            yield where, hint
    for where, node in house.nodes(ast.BinOp, "tests/"):
        if isinstance(node.op, ast.Sub) and {called(node.left), called(node.right)} & CLOCKS:
            yield where, hint


@rule(broken={"README.md": "Open " + "/".join(["", "home", "alice", "gatehouse"])})
def no_file_names_a_path_of_one_machine(house: House) -> Iterator[Breach]:
    for name, text in house.files.items():
        for number, line in enumerate(text.splitlines(), start=1):
            if PATH_OF_A_MACHINE.search(line):
                yield f"{name}:{number}", "say it relative to the project, or take it as a setting"


@pytest.fixture(scope="module")
def house() -> House:
    return House(dict(our_files(ROOT)))


def test_the_whole_house_is_looked_at(house: House) -> None:
    assert {
        "app/db/__init__.py",
        "config.py",
        "tests/test_house_rules.py",
        "Makefile",
    } <= house.files.keys()
    assert not any(name.startswith((".venv", ".git/")) for name in house.files)
    assert ".git" not in house.files


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.check.__name__) for rule in RULES])
def test_the_house_keeps(house: House, rule: Rule) -> None:
    breaches = [f"{where}: {instead}" for where, instead in rule.check(house)]
    assert not breaches, "\n".join(breaches)


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.check.__name__) for rule in RULES])
def test_a_rule_can_fail(rule: Rule) -> None:
    assert list(rule.check(House(rule.broken))), "the rule let its own bad example pass"
