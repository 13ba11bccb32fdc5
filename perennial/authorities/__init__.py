"""How a CSR becomes a chain."""
