"""What runs in the child process, plus the wire both sides speak.

These modules are read by the subject's interpreter, which may be older than ours: they keep to
Python 3.9, the standard library, NumPy and pandas, and import nothing of ``audit_lib`` by name.
"""
