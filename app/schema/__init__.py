"""What changes the schema of a database while the site is running.

What a revision calls:
ddl          the operations, each in the safe form of SQLite, PostgreSQL and MariaDB; behind it
             stand engine, indexes, tighten, triggers, kept, and for SQLite rebuild
backfill     rows moved in batches, stoppable at any moment, never over a live write; progress
stages       expand, backfill, contract: the words for them

What runs it:
run          one run at a time, on a connection of its own, in whole transactions; locks
state        our own two tables: what ran, and how far each backfill is

Nothing here knows what the tables are about, nor what stands in the files that call it: that is
app.revisions. A revision that has landed is never edited, so what it calls keeps its name and its
meaning: only what stands behind the name grows.
"""
