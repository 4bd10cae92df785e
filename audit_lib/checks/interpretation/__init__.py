"""Interpretation: predictions become the same orders everywhere."""
