"""Conformal: intervals that cover what they say."""
