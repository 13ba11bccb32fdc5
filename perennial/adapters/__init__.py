"""Hands: SDK calls in, our types out."""
