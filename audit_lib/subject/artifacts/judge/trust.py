"""Which classes and functions an artifact may name, and what it may do with them.

This is an allow-list (``names.toml``): what is not on it is refused, whether or not anybody knows
an attack with it.  The list of harmful names only decides how a refusal is worded (``UNSAFE`` for
what is known to run code, ``UNKNOWN`` for the rest), never whether there is one.

How an entry earns its place
----------------------------
A pickle can do four things with a name: refer to it, call it, build an instance with ``__new__``
alone, and give an instance a state.  Each entry grants as little of that as honest files need:

``named``
    may be referred to, never called: types given as an argument (``numpy.ndarray`` to
    ``_reconstruct``), metrics and ufuncs kept as an attribute.
``inert``
    a class that may be built by ``__new__`` without arguments and given a state.  Its
    ``__new__`` is ``object``'s or allocates only, and its ``__setstate__``, where it has one,
    stores what it gets.  ``__init__`` does not run.
``holder``
    the same, with a state of its own form that its ``__setstate__`` unpacks and stores.
``spline``
    the same; a pair as its state must hold a bare spline and an array, whose module it looks up.
anything else
    may be called with arguments that a rule of :mod:`arguments` of that name accepts.

A scikit-learn class is trusted by its own name (``StandardScaler``) in whatever public module of
``sklearn`` stands before it, since modules moved between versions and a class can be picked up
from any module that imports it.  The names are those of estimators and of the plain parts they
keep; no name of them means anything else in scikit-learn.  Functions are trusted by module and
name only.  ``sklearn.externals``, tests and download helpers are left out.

Not on the list, though honest files hold them: ``functools.partial`` and ``operator`` (they
compute what is called next), cloudpickle and dill (functions by value: code by design),
``torch.storage._load_from_bytes`` (loads another pickle), ``numpy._core._ufunc_reconstruct``
(imports by name), and classes of the audited project.  A subject can vouch for its own classes.

Two functions of ``builtins`` are trusted as the target of one exact call and nowhere else
(``CALL_ONLY``): ``getattr`` for the parts that time zones and discrete distributions are pickled
by, ``type`` for the types of None, Ellipsis and NotImplemented.  Distributions of ``scipy.stats``
compile text of their state, so the text must be the one that SciPy's template makes.
"""

import builtins
import re
import sys
import tomllib
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from audit_lib.files import read_words
from audit_lib.subject.artifacts.artifact import Safety

NAMED = "named"
INERT = "inert"
#: Rules of names that may be the target of a call, and nothing else.
CALL_ONLY = frozenset({"attribute", "singleton"})

_SKLEARN_LEFT_OUT = re.compile(r"\.(externals|tests?|_testing|_mocking|datasets|conftest)(\.|$)")
_DISTRIBUTIONS = re.compile(r"scipy\.stats\.(_continuous|_discrete)_distns\.(\w+_gen|rv_histogram)")
_CYTHON = re.compile(r"__pyx_unpickle_[A-Za-z]\w*")

# Letters of other scripts that look like Latin ones; enough to see through a disguise.
_LOOKALIKES = str.maketrans("аеорсухіјѕѵԁɡһκνοτυρӏ", "aeopcyxijsvdghkvotupl")


@dataclass(frozen=True)
class Ruling:
    """What is known of a name.

    Attributes:
        rule: how it may be used (``named``, ``inert`` or a rule of :mod:`arguments`).
        safety: ``SAFE`` where a rule exists, else how it is refused.
        why: for a refusal, one sentence.
    """

    rule: str
    safety: Safety
    why: str = ""


def _rules(table: str) -> dict[tuple[str, str], str]:
    rules: dict[tuple[str, str], str] = {}
    for line in table.splitlines():
        if line and not line.startswith("#"):
            rule, module, *members = line.replace(":", " ", 1).split()
            rules.update({(module, member): rule for member in members})
    return rules


def _harms(table: str) -> dict[str, str]:
    reasons, why = {}, ""
    for line in table.splitlines():
        if line.startswith(" "):
            reasons.update(dict.fromkeys(line.split(), why))
        else:
            why = line.removesuffix(":")
    return reasons


NAMES: dict[str, str] = tomllib.loads(read_words(Path(__file__).with_name("names.toml")))
RULES = _rules(NAMES["trusted"])
_SKLEARN_CLASSES = frozenset(NAMES["sklearn_classes"].split())
_HARMFUL = _harms(NAMES["harmful"])
_MERELY_UNKNOWN = frozenset(NAMES["merely_unknown"].split())
_KNOWN_PACKAGES = frozenset(NAMES["known_packages"].split())
_EXCEPTIONS = frozenset(
    name
    for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, BaseException)
)
_PLAIN_TYPES = ("int", "float", "bool", "str", "list", "dict", "set", "tuple")
#: Callables that ``collections.defaultdict`` may be given.
FACTORIES = frozenset(
    {("builtins", name) for name in _PLAIN_TYPES}
    | {("collections", name) for name in ("OrderedDict", "Counter", "deque", "defaultdict")}
)


@lru_cache(maxsize=4096)
def judge(module: str, name: str) -> Ruling:
    """What a pickle may do with ``module.name``; names are compared exactly."""
    rule = RULES.get((module, name)) or _ruled(module, name)
    if rule:
        return Ruling(rule, Safety.SAFE)
    harm = _harm(module, name)
    if harm:
        return Ruling("", Safety.UNSAFE, harm)
    if not (module + name).isascii():
        return _judge_disguised(module, name)
    if of_a_library(module):
        return Ruling("", Safety.UNKNOWN, "not on the allow-list")
    return Ruling("", Safety.UNKNOWN, "code of its own, which loading runs; nobody vouched for it")


def of_a_library(module: str) -> bool:
    """True for a module of Python's own library, or of a package that models are made with."""
    top = module.partition(".")[0]
    return top in _KNOWN_PACKAGES or top in sys.stdlib_module_names


def _ruled(module: str, name: str) -> str:
    """The rule of a whole family of names."""
    if module == "builtins":
        return "data" if name in _EXCEPTIONS else ""
    if _DISTRIBUTIONS.fullmatch(f"{module}.{name}"):
        return "distribution"
    if module.partition(".")[0] != "sklearn" or _SKLEARN_LEFT_OUT.search(module):
        return ""
    if name in _SKLEARN_CLASSES:
        return INERT
    return "class_first" if _CYTHON.fullmatch(name) else ""


def _harm(module: str, name: str) -> str:
    full = f"{module}.{name}"
    if full in _MERELY_UNKNOWN:
        return ""
    # A dotted name is looked up attribute by attribute, so each prefix may be the harmful one.
    parts = full.split(".")
    for length in range(len(parts), 0, -1):
        prefix = ".".join(parts[:length])
        harm = _HARMFUL.get(prefix)
        if harm:
            return harm
    return ""


def _judge_disguised(module: str, name: str) -> Ruling:
    plain = [unicodedata.normalize("NFKC", part).translate(_LOOKALIKES) for part in (module, name)]
    if _harm(*plain):
        return Ruling(
            "", Safety.UNSAFE, f"letters of another script, made to look like {'.'.join(plain)}"
        )
    return Ruling("", Safety.UNKNOWN, "its name holds characters outside ASCII")
