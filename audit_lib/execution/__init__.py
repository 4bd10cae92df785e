"""Runs of the six notebooks: planned, executed headlessly, checked for completeness, published."""
