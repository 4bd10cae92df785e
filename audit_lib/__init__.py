"""Executable audits of quantitative trading models."""

__version__ = "0.1.0"
