"""Is a pickle harmless? An interpreter that calls nothing, and what it trusts.

``opcodes`` are the steps of the ``machine``; ``values`` are what it would build, as symbols
(``numpy_values`` and ``torch_values`` decode the two libraries'). ``names`` lists trusted and
harmful names, ``trust`` decides about one, ``arguments`` about what a trusted callable is
called with. ``view`` is the picture that checks read.
"""
