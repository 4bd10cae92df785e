"""Artifacts that must not be loaded."""
