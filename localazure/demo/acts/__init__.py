"""The acts, in the order in which they are played: each one file, told and checked by itself."""

from collections.abc import Callable

from localazure.demo.acts import (
    lost_event,
    near_expiry,
    observe,
    someone_else,
    supervised,
    sweep,
    throttled,
    trouble,
)
from localazure.demo.stage import Stage
from localazure.demo.story import Story

ACTS: tuple[Callable[[Stage, Story], None], ...] = (
    observe.play,
    near_expiry.play,
    lost_event.play,
    someone_else.play,
    supervised.play,
    trouble.play,
    throttled.play,
    sweep.play,
)
