"""Doing: what happens when the app is woken, told as stories."""
