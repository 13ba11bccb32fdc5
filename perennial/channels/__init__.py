"""How a dependent service is told."""
