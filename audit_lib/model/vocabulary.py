"""The words that everything else is said in."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Severity(IntEnum):
    """How bad a finding is.  ``INFO`` informs; everything above it breaks its contract.

    Ranks follow CVSS qualitative ratings; SARIF levels follow SARIF 2.1.0 section 3.27.10.
    """

    INFO = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def label(self) -> str:
        """Lower-case name, as people read and write it."""
        return self.name.lower()

    @property
    def sarif_level(self) -> str:
        """SARIF result level."""
        return ("note", "note", "warning", "error", "error")[self]

    @classmethod
    def parse(cls, text: str) -> Severity:
        """Severity of that name.

        Raises:
            ValueError: no such severity; the message lists them.
        """
        try:
            return cls[text.upper()]
        except KeyError:
            known = ", ".join(s.label for s in cls)
            raise ValueError(f"no severity is called {text!r}; known: {known}") from None


class Outcome(StrEnum):
    """What a check answered."""

    PASS = "pass"
    FAIL = "fail"
    NOT_APPLICABLE = "not_applicable"
    """the subject declares that it has no such surface"""
    NOT_ASSESSED = "not_assessed"
    """nobody gave us the hook or the data to tell; never counted as a pass"""
    ERROR = "error"
    """the check itself crashed"""


class Verdict(StrEnum):
    """What a contract, boundary, task, gate or packet comes to."""

    KEPT = "kept"
    BROKEN = "broken"
    INCONCLUSIVE = "inconclusive"

    @property
    def exit_code(self) -> int:
        """Exit code of a command that ends with this verdict."""
        return {"kept": 0, "broken": 1, "inconclusive": 2}[self.value]


class Task(StrEnum):
    """The six audit tasks of the spec; one notebook each."""

    T1 = "T1"
    T2 = "T2"
    T3 = "T3"
    T4 = "T4"
    T5 = "T5"
    T6 = "T6"

    @property
    def title(self) -> str:  # type: ignore[override]  # str.title() has no use here
        """What the task looks at, as a heading."""
        return _TASK_TITLES[self.value]


_TASK_TITLES = {
    "T1": "Ledger and artifacts",
    "T2": "Training pipeline",
    "T3": "Prediction and features",
    "T4": "Versioning and governance",
    "T5": "Specialised models",
    "T6": "Boundaries and closure",
}


class Contract(StrEnum):
    """A promise of the subject, kept or broken.  The value is also its folder in ``checks/``."""

    LEDGER = "ledger"
    CHECKPOINT = "checkpoint"
    FEATURE_VECTOR = "feature_vector"
    TARGET_LABEL = "target_label"
    SPLITS = "splits"
    CALIBRATION = "calibration"
    CONFORMAL = "conformal"
    HEAD_MAPPING = "head_mapping"
    INTERPRETATION = "interpretation"
    VERSIONING = "versioning"
    GOVERNANCE = "governance"
    RETRAIN = "retrain"
    DRIFT = "drift"
    PRICING = "pricing"
    NEURAL = "neural"
    ONLINE = "online"
    BOUNDARY = "boundary"
    DOCS = "docs"
    SECURITY = "security"

    @property
    def title(self) -> str:  # type: ignore[override]  # str.title() has no use here
        """The contract's name as a heading."""
        return self.value.replace("_", " ").capitalize()


class View(StrEnum):
    """How the rows of an evidence table want to be drawn.  Checks never draw; readers do."""

    TABLE = "table"
    """no picture"""
    BARS = "bars"
    """columns: label, value[, group]; an optional ``low``/``high`` pair"""
    LINES = "lines"
    """columns: x, value[, series]; an optional ``band_low``/``band_high`` pair"""
    TIMELINE = "timeline"
    """columns: lane, start, end, kind (ISO dates or numbers)"""
    HEATMAP = "heatmap"
    """columns: row, column, value"""
    RELIABILITY = "reliability"
    """columns: predicted, observed, low, high, count"""
    SWARM = "swarm"
    """columns: label, value, level (0 low, 1 high)"""
    DEPENDENCE = "dependence"
    """columns: label, x, value, level (0 low, 1 high; empty for none)"""
    WATERFALL = "waterfall"
    """columns: label, start (empty for a total), end; an optional ``low``/``high`` pair"""
    CARDS = "cards"
    """columns: label (a sentence), value, low, high, base (shares)"""
    INFLUENCE = "influence"
    """columns: column, look_back, look_ahead (bars)"""
    TREEMAP = "treemap"
    """columns: label, value (its size), then a share (0 to 1, or empty) a panel"""
