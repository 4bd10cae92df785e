"""For whoever writes hooks, before an audit.

``tryout`` calls each hook once on small data, as the table in ``trials`` says;
``hook_habits`` reads a hooks file for habits that make an audit see another engine than the one
there is.
"""
