"""Questions to hooks.

Begin with ``asking``: it puts a question and keeps answer, refusal and failure apart, so that a
check never takes a crash for an answer. ``samples`` holds the subject's own data, asked for
once a version. ``domain`` tells whether the answer to an odd input may be used; ``relations``
states what holds between answers whatever they are. ``frames`` compares two tables
that should be one; ``sides`` is for tables beside the first one, and ``files_read`` for files
that a hook opens, which no question can move.
"""
