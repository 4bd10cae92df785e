"""A version from its files to its end.

Its files: ``checksums``, ``saved_parts``, ``stored_form``,
``schema_hash``. Its registry: ``registries`` asks, ``registry_history`` drives one through
drawn histories and crashes, and ``state`` damages scratch copies of a store. Its time:
``metrics`` for governance, ``retraining`` and ``cusum`` for triggers.
"""
