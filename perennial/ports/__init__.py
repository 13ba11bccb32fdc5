"""The seams, as Protocols: what the product needs from outside, in its own words.

A method is one service call, marked as an effect (it may change something outside) or a look (it never does), so that a wrapper can number
the effects and die before and after each. Every clause of a contract below has a test of its name in tests/contract.
"""

from __future__ import annotations

from collections.abc import Callable


def effect[**P, R](method: Callable[P, R]) -> Callable[P, R]:
    """Mark a port's method as an effect."""
    vars(method)["port"] = "effect"
    return method


def look[**P, R](method: Callable[P, R]) -> Callable[P, R]:
    """Mark a port's method as a look."""
    vars(method)["port"] = "look"
    return method
