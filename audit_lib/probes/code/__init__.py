"""The source, read and never run.

For one kind of node: ``calls``, ``constants``, ``signatures``, ``arity``, ``settings``,
``loaders``. For what stands around it: ``surroundings`` (when it runs, and what happens where
it fails), ``entries`` and ``reachable`` (who comes to it), ``unfed`` (inputs that nobody
gives). For what other tools know: ``linter`` (ruff) and ``types`` (mypy, and what follows from
its errors). For values followed from place to place: ``keyflow`` (keys written and read) and
``leaks`` (later rows on their way to a feature). ``boundaries`` are what a repository declares
of its parts. For documents held against the source: ``counterparts`` and ``declared_sizes``.

A pattern is a suspicion: say how sure it is, and clear what a measurement has found clean.
"""
