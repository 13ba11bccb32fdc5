"""CAs that speak ACME (RFC 8555), with renewal information (RFC 9773), profiles and limits, and that misbehave when they are told to."""
