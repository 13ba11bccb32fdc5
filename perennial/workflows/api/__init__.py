"""The HTTP API: one module per resource, each operation from a Request and a World to a Response. openapi.yaml describes it."""

from typing import TYPE_CHECKING

from perennial import lazily

if not TYPE_CHECKING:  # so that a checker still knows which modules there are
    __getattr__ = lazily.modules_of(__name__)
