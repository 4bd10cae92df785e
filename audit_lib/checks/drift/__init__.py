"""Drift: does the data still look like the data the model knows."""
