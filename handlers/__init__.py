"""Doors: each function hands what woke it to one workflow."""
