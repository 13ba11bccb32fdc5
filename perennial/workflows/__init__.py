"""What Perennial does, told as stories: each module is one kind of work, from its message to its last row."""

from typing import TYPE_CHECKING

from perennial import lazily

if not TYPE_CHECKING:  # so that a checker still knows which modules there are
    __getattr__ = lazily.modules_of(__name__)
