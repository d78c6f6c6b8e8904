"""Dagster's entry point: everything below `defs`."""

import dagster as dg

from kalshi_assets import defs as rooms
from kalshi_assets.defs.resources import Platform

defs = dg.load_definitions_from_package_module(rooms, resources={"platform": Platform()})
