"""Where a DNS-01 record is put: a provider is one file here and one line in the table."""
