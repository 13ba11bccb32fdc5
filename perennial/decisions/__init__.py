"""Thinking: pure answers, each with its reason."""
