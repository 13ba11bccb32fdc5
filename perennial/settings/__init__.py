"""The settings of one installation: typed values, read from the environment and checked once, at start."""

from perennial.settings.catalog import from_environment
from perennial.settings.values import DAY, Settings

__all__ = ["DAY", "Settings", "from_environment"]
