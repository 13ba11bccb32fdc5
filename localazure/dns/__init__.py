"""Azure DNS: zones whose TXT sets Resource Manager changes, and the server that serves them."""
