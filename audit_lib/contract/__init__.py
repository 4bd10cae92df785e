"""The pipeline contract of a version: derived from code and artifacts, and held to them."""

from audit_lib.contract.compare import Difference, differences, read_contract
from audit_lib.contract.derivation import FORMAT, derive
from audit_lib.contract.markdown import as_markdown

__all__ = ["FORMAT", "Difference", "as_markdown", "derive", "differences", "read_contract"]
