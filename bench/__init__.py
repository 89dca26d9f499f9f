"""What the site costs: `make bench` prints tables. Nothing is asserted by time."""
