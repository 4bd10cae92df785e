"""For whoever writes hooks, before an audit.

``tryout`` calls each hook once on small data and says what came back and what was wanted;
``hook_habits`` reads a hooks file for habits that make an audit see another engine than the one
there is.
"""
