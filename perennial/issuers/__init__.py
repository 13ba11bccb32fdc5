"""How a new version gets into the vault."""
