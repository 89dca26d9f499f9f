"""What a change of the schema costs the people who use the site meanwhile: `make bench-migrations`.

databases  scratch databases at head, full of people, and the histories that are run on them
traffic    one reader and one writer with the site's own queries, every 3 ms, and how long they wait
proofs     what must hold besides: kill -9, two at once, idle transactions, passwords, children
"""
