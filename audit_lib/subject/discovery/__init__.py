"""First contact: what a repository nobody prepared seems to hold.  Its code is never run.

>>> from audit_lib.subject.discovery import discover
>>> discover(Path("../my_engine")).stores  # doctest: +SKIP
"""

from audit_lib.subject.discovery.discovery import Discovery, discover
from audit_lib.subject.discovery.writing import render

__all__ = ["Discovery", "discover", "render"]
