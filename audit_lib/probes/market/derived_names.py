"""Features that are named after others: ``X_gap_x_volume``, ``rsi_14_z20``."""

import re
from collections.abc import Collection, Iterator

_WORD = re.compile(r"[A-Za-z]+|\d+")
#: words that say what was done to a feature at one moment, over a window that may end before it,
#: and that an earlier value is taken; numbers count as well
_NOW = frozenset(
    _WORD.findall(
        """x times div over minus plus ratio product interaction inter vs rank ranked norm normed
    normalised normalized scaled centered centred residual resid log abs sq squared sqrt sign clip
    clipped winsorized winsorised bucket binned by cs xs neutral neutralised neutralized"""
    )
)
_WINDOW = frozenset(
    _WORD.findall(
        """z zscore score mean avg average median std vol max min sum ma sma ema ewm ewma roll
    rolling smooth smoothed demeaned detrended diff delta change chg pct pctl percentile quantile"""
    )
)
_EARLIER = frozenset(("lag", "lagged", "shift", "shifted", "prev", "previous", "delay", "delayed"))


def parents(name: str, names: Collection[str]) -> list[str]:
    """Those of ``known`` after which ``name`` is called, where all else in it says what was done.

    The longest are taken first, and each part of the name belongs to one.  A number alone makes
    another feature, and none that is derived.
    """
    rest, parts = name, list[str]()
    for parent in sorted((k for k in names if k and k != name), key=len, reverse=True):
        changed = _spelled(parent).sub(" ", rest)
        if changed != rest:
            rest = changed
            parts.append(parent)
    words = [w.lower() for w in _WORD.findall(rest)]
    words_left = [w for w in words if not w.isdigit()]
    return parts if words_left and all(w in _NOW | _WINDOW | _EARLIER for w in words_left) else []


def may_be_earlier(name: str, *, windows: bool) -> bool:
    """Whether the name says that an earlier value is taken, which may be known when it is not.

    Args:
        name: of a feature.
        windows: a window may end before the bar it is made for.
    """
    words = {w.lower() for w in _WORD.findall(name)}
    return bool(words & _EARLIER) or (windows and bool(words & _WINDOW))


def composed(names: Collection[str], features: Collection[str], parent: str) -> Iterator[str]:
    """Names made as ``names`` are made of ``known``, each with ``parent`` for one of its own."""
    for name in names:
        for own in parents(name, features):
            if not may_be_earlier(name, windows=False):
                yield _spelled(own).sub(lambda _: parent, name, count=1)


def _spelled(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])")
