"""Readers, one format a file: bytes in, a draft of an artifact out; nothing is executed.

Which reader reads which bytes is decided in ``../detect.py`` and ``../readers.py``. Pickles
inside a format go to ``../judge``.
"""
