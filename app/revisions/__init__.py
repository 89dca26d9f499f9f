"""What is done with the files in migrations/versions: the work behind the commands of `flask db`.

Written by   authoring: what `flask db migrate` and `flask db revision` write; chain divides what
             changed into stages, refusals says what it cannot, pages has the words, operations
             the calls
Read by      reading; plan says what pending steps will do, lint what is dangerous in them
             (squawk looks at PostgreSQL, keys at foreign keys, bypasses at what goes past
             ddl); rendered: what they come to in SQL
Proven by    verify: every revision up, down and up again; proof (the release before still
             works), shape (what stands, in the engine's words), drift (models and revisions agree)
Run through  gates: what must be true before a contract; signature: as what, and by whom, each
             step was run; status says where a database stands, troubles what can be wrong, in
             sentences; readiness whether this release can serve

What they do to a database stands in app.schema, which knows nothing of this.
"""
