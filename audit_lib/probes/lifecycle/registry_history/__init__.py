"""Histories of a registry: operations in any order, and the smallest that fail."""

from audit_lib.probes.lifecycle.registry_history.scratch import Departure, Step
from audit_lib.probes.lifecycle.registry_history.search import Failure, Search, search
from audit_lib.probes.lifecycle.registry_history.session import Session

__all__ = ["Departure", "Failure", "Search", "Session", "Step", "search"]
