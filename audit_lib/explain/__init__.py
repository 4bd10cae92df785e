"""What a version learned, which factors decide, and why it acted.

`run` is the way in: it drives the predictor and the decisions through their hooks, and writes
``learned_conditions/``.  Nothing here loads a model of the subject: trees are read as text.
"""
