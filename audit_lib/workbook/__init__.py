"""The few verbs that notebooks use."""

from audit_lib.workbook.book import Workbook

__all__ = ["Workbook"]
