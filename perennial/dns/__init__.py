"""Where a DNS-01 record is put."""
