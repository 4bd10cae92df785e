"""Boundaries between parts of a repository.

The two forms of declaring them, their symbols, and the verdict on each.
"""
