"""Training, driven and recorded.

Driven: ``made_up_table`` holds a table in which each number stands once, ``steps`` runs the
subject's trainer on it, and ``record`` says which rows went into which step. Recorded:
``provenance`` looks for the rows that reproduce a number, with ``scaling``,
``target_statistics`` and ``recorded_metrics`` for the usual ones.
"""
