"""A CA that speaks ACME (RFC 8555): orders proved by DNS-01, renewal windows (RFC 9773), an account whose key stays in Key Vault."""
