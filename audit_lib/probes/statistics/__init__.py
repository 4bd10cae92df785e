"""Intervals and tests with stated error rates, for rows that depend on each other.

Begin with ``clusters``: which rows move together, and on which calendar. ``inference`` has
intervals, calibration error and tests over them; ``correlation`` ranks many columns at once.
"""
