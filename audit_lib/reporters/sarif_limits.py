"""What code scanning takes of a SARIF file.

Sources: GitHub Docs, "SARIF results exceed one or more limits" and "SARIF support for code
scanning".  Other hosts take as much or more.
"""

from audit_lib.reporters.text import clean

RUNS_A_FILE = 20
RESULTS_A_RUN = 25_000
"""of which the 5,000 most severe are shown: results are written worst first"""
LOCATIONS_A_RESULT = 1_000
RULES_A_RUN = 25_000
TAGS_A_RULE = 20
"""of which 10 are shown"""
MEGABYTES_GZIPPED = 10
NAME_CHARACTERS = 255
DESCRIPTION_CHARACTERS = 1_024
SNIPPET_CHARACTERS = 1_000


def cut(text: str, characters: int = DESCRIPTION_CHARACTERS) -> str:
    """Clean text of at most so many characters; it ends in an ellipsis where some are missing."""
    whole = clean(text)
    return whole if len(whole) <= characters else whole[: characters - 1].rstrip() + "…"
