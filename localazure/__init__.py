"""Azure on one machine, under Azure's own host names: a tool for demos and tests, never deployed."""
