"""Which checks are asked: ours and those from elsewhere, and what was selected or ignored."""

from audit_lib.selection.options import check_parameters, configured
from audit_lib.selection.roster import Roster, roster_of
from audit_lib.selection.selectors import Selection, expanded, listed, rated, selected

__all__ = [
    "Roster",
    "Selection",
    "check_parameters",
    "configured",
    "expanded",
    "listed",
    "rated",
    "roster_of",
    "selected",
]
