"""One rule a file, named for the fault it finds. The table that makes them count is in perennial/compliance."""
