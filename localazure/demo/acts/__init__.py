"""The acts, in the order in which they are played: each one file, told and checked by itself."""

from collections.abc import Callable

from localazure.demo.acts import (
    acme,
    agent,
    lost_event,
    near_expiry,
    observe,
    outage,
    someone_else,
    supervised,
    sweep,
    throttled,
    trouble,
    wanted_back,
)
from localazure.demo.stage import Stage
from localazure.demo.story import Story

ACTS: tuple[Callable[[Stage, Story], None], ...] = (
    observe.play,
    near_expiry.play,
    acme.play,
    lost_event.play,
    someone_else.play,
    supervised.play,
    trouble.play,
    throttled.play,
    outage.play,
    agent.play,
    wanted_back.play,
    sweep.play,
)
