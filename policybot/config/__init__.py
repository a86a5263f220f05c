"""The configuration: what operators write, read with every mistake explained by line."""

from policybot.config.load import ConfigRefused, Problem, load, load_ladder, permissions_too_open
from policybot.config.schema import Config
from policybot.config.types import Listen

__all__ = [
    "Config",
    "ConfigRefused",
    "Listen",
    "Problem",
    "load",
    "load_ladder",
    "permissions_too_open",
]
