"""What a trusted callable may be called with.

Each rule answers ``""`` or, in a few words, what is wrong with the arguments.  The names of the
rules are those of the table in :mod:`trust`.
"""

import re
from collections.abc import Callable

from audit_lib.subject.artifacts.judge import numpy_values as npv
from audit_lib.subject.artifacts.judge.trust import FACTORIES, INERT, judge
from audit_lib.subject.artifacts.judge.trust import RULES as TRUSTED_ONE_BY_ONE
from audit_lib.subject.artifacts.judge.values import (
    Array,
    Blob,
    Call,
    Dict,
    Global,
    List,
    Opaque,
    Persistent,
    Set,
    Tuple,
    Value,
)

_TEXT_CODECS = frozenset({"latin1", "latin-1", "iso-8859-1", "ascii", "utf-8", "utf8"})
SCALARS = (type(None), bool, int, float, str, bytes)
_CONTAINERS = (List, Tuple, Set, Dict)
_ZONES = frozenset(("zoneinfo.ZoneInfo._unpickle", "datetime.timezone", "pytz._p", "pytz._UTC"))
_ZONE_KEY = re.compile(r"[A-Za-z0-9_+\-]+(/[A-Za-z0-9_+\-]+)*")
_LONGEST_PATTERN = 4096
_DEEPEST_TENSOR = 3
_TORCH_DATA = frozenset(("torch.Size", "torch.device", "torch.serialization._get_layout"))
_TENSORS = frozenset(("torch.Tensor", "torch.nn.parameter.Buffer", "torch.nn.parameter.Parameter"))
_BASES = frozenset(
    ("object", "dict", "list", "tuple", "set", "frozenset", "int", "float", "str", "bytes")
)


def _no_arguments(call: Call) -> str:
    return "" if not call.args and call.kwargs is None else "takes arguments here"


def _data(call: Call) -> str:
    for item in call.args:
        plain = isinstance(item, (*SCALARS, Blob)) or is_encoded(item) or is_number(item)
        plain = plain or (isinstance(item, Call) and item.name in _ZONES)
        if not plain and not (isinstance(item, _CONTAINERS) and _flat(item)):
            return "is given more than plain data"
    return "" if call.kwargs is None else "is given keywords"


def _flat(node: Value) -> bool:
    items = node.items if not isinstance(node, Dict) else [i for pair in node.pairs for i in pair]
    return all(isinstance(item, SCALARS) or is_number(item) for item in items)


def is_encoded(node: Value) -> bool:
    """True for bytes that are made from text or from bytes."""
    return isinstance(node, Call) and node.name in (
        "_codecs.encode",
        "builtins.bytes",
        "builtins.bytearray",
    )


def is_number(node: Value) -> bool:
    """True for a number of NumPy."""
    return isinstance(node, Call) and node.name.endswith(".multiarray.scalar")


def _container(call: Call) -> str:
    fits = len(call.args) <= 1 and all(isinstance(item, _CONTAINERS) for item in call.args)
    return "" if fits and call.kwargs is None else "is given more than one container"


def _no_size(call: Call) -> str:
    """``bytes(10**12)`` would take that much memory: only what holds its own bytes is allowed."""
    first = call.args[0] if call.args else b""
    fits = isinstance(first, (str, bytes, Blob, List, Tuple)) or is_encoded(first)
    codec = all(isinstance(item, str) for item in call.args[1:])
    return "" if fits and codec and len(call.args) <= 3 else "is given a size instead of bytes"


def _deque(call: Call) -> str:
    fits = all(isinstance(item, (List, Tuple, int, type(None))) for item in call.args)
    return "" if fits and len(call.args) <= 2 else "is given more than a list and a length"


def _factory(call: Call) -> str:
    if not call.args:
        return ""
    first, rest = call.args[0], call.args[1:]
    known = first is None or (isinstance(first, Global) and (first.module, first.name) in FACTORIES)
    fits = all(isinstance(item, _CONTAINERS) for item in rest)
    return "" if known and fits else "would call its factory, which is not a plain type"


def _zoned(call: Call) -> str:
    for item in call.args:
        if not (isinstance(item, SCALARS) or is_encoded(item) or isinstance(item, Call)):
            return "is given more than a date and a zone"
    return ""


def _reconstructor(call: Call) -> str:
    """``copyreg._reconstructor(class, base, state)``: the base's ``__new__``, then ``__init__``.

    Whether the class may be built is judged where its rule is known.
    """
    if len(call.args) != 3 or not isinstance(call.args[0], Global):
        return "is not given a class, its base and a state"
    _, base, state = call.args
    if not isinstance(base, Global) or base.module != "builtins" or base.name not in _BASES:
        return "would build from an unusual base"
    plain = isinstance(state, (*SCALARS, *_CONTAINERS))
    return "" if plain else "is given a state that is not plain data"


def _class_first(call: Call) -> str:
    """Functions that build an instance of the class they are given, by its ``__new__``.

    Only a class of the same package: ``ndarray.__new__`` would take raw bytes for references.
    """
    first = call.args[0] if call.args else None
    own = call.name.partition(".")[0]
    if own == "_loss":
        own = "sklearn"
    fits = isinstance(first, Global) and first.module.partition(".")[0] in (own, "_loss")
    return "" if fits and call.kwargs is None else "is not given a class of its own package"


def _text_codec(call: Call) -> str:
    """Protocol 2 writes bytes as text to encode; other codecs decompress, or are looked up."""
    fits = (
        1 <= len(call.args) <= 2
        and isinstance(call.args[0], (str, Blob))
        and (len(call.args) == 1 or call.args[1] in _TEXT_CODECS)
        and call.kwargs is None
    )
    return "" if fits else "is given a codec that does more than encode text"


def _array(call: Call) -> str:
    """``_reconstruct(ndarray, (0,), b"b")``: an empty array that a state fills."""
    if len(call.args) != 3 or not isinstance(call.args[0], Global):
        return "is not given a class, an empty shape and a type"
    shape = call.args[1]
    empty = isinstance(shape, Tuple) and shape.items == [0]
    return "" if empty else "would allocate an array of another shape than (0,)"


def _scalar(call: Call) -> str:
    return "" if npv.scalar_value(call) is not None else "is not given a dtype and as many bytes"


def _dtype(call: Call) -> str:
    try:
        call.dtype = npv.described(call.args[0] if call.args else None)
    except npv.Doubtful as error:
        return str(error)
    plain = all(isinstance(item, (bool, int)) for item in call.args[1:])
    return "" if plain and call.kwargs is None else "a dtype of another form than NumPy writes"


def _masked(call: Call) -> str:
    kinds = [item.full if isinstance(item, Global) else "" for item in call.args[:2]]
    shape = call.args[2] if len(call.args) == 4 else None
    known = kinds[:1] in (["numpy.ma.MaskedArray"], ["numpy.ma.core.MaskedArray"])
    empty = isinstance(shape, Tuple) and shape.items == [0]
    fits = known and kinds[1:] == ["numpy.ndarray"] and empty
    return "" if fits else "is not given a masked array of shape (0,)"


def _bits(call: Call) -> str:
    first = call.args[0] if call.args else "MT19937"
    known = isinstance(first, Global) and first.module.startswith("numpy.random.")
    return "" if (known or isinstance(first, str)) and len(call.args) <= 1 else "is given more"


def _generator(call: Call) -> str:
    """``__generator_ctor(bits[, constructor])`` would call any constructor it is given."""
    if len(call.args) > 2 or call.kwargs is not None:
        return "is given more than bits and their constructor"
    first = call.args[0] if call.args else "MT19937"
    inner = isinstance(first, Call) and first.name == "numpy.random._pickle.__bit_generator_ctor"
    if not inner and not isinstance(first, str):
        return "is given something else than bits"
    second = call.args[1] if len(call.args) == 2 else None
    known = second is None or (
        isinstance(second, Global)
        and (second.module, second.name) == ("numpy.random._pickle", "__bit_generator_ctor")
    )
    return "" if known else "would call what it is given"


def _tree(call: Call) -> str:
    """``Tree(n_features, n_classes, n_outputs)`` allocates by these numbers."""
    fits = len(call.args) == 3 and isinstance(call.args[1], (Call, Array))
    for count in (call.args[0], call.args[2]) if fits else ():
        value = npv.scalar_value(count) if isinstance(count, Call) else count
        fits = fits and type(value) is int and 0 <= value < 1 << 31
    return "" if fits else "is not given counts of features, classes and outputs"


def _frame(call: Call) -> str:
    """pandas: constructors of frames, blocks and dates; they take data, not functions."""
    if any(isinstance(item, Persistent) for item in call.args):
        return "is given a persistent id"
    if call.kwargs is None:
        return ""
    plain = all(
        isinstance(key, str) and isinstance(value, (*SCALARS, *_CONTAINERS, Call))
        for key, value in call.kwargs.pairs
    )
    return "" if plain else "is given keywords that are not data"


def _tensor(call: Call, depth: int = 0) -> str:
    """Torch: tensors over a storage; hooks would be called later, so they must be empty."""
    if depth > _DEEPEST_TENSOR:
        return "is nested deeper than tensors are"
    for item in call.args:
        if isinstance(item, Global) and item.module != "torch":
            return "is given a function"
        plain = not isinstance(item, Call) or item.array or item.name in _TORCH_DATA
        if not plain and (item.args or item.pairs):
            return "is given hooks"
        if isinstance(item, Dict) and not all(
            key in ("conj", "neg") and isinstance(value, bool) for key, value in item.pairs
        ):
            return "is given hooks"
        inner = Call(call.target, item.items, 0) if isinstance(item, Tuple) else None
        if inner and (wrong := _tensor(inner, depth + 1)):
            return wrong
    return ""


def _retyped(call: Call) -> str:
    """``(_rebuild_tensor_v2, Buffer, (storage, ...), {"persistent": True})``: what it is, flags."""
    how, kind, args, state = call.args if len(call.args) == 4 else (None,) * 4
    named = isinstance(how, Global) and judge(how.module, how.name).rule == "tensor"
    known = isinstance(kind, Global) and kind.full in _TENSORS
    flags = state is None or (
        isinstance(state, Dict)
        and all(isinstance(i, (bool, str)) for pair in state.pairs for i in pair)
    )
    if not (named and known and flags and isinstance(args, Tuple)):
        return "would build something else than a tensor"
    return _tensor(Call(how, args.items, 0))


def _attribute(call: Call) -> str:
    """``getattr`` of the parts that time zones and discrete distributions are pickled by."""
    return "" if attribute_of(call) is not None else "may reach anything by its name"


def attribute_of(call: Call) -> Value:
    """What an admitted call of ``getattr`` gives; None for any other."""
    if len(call.args) != 2 or call.kwargs is not None:
        return None
    owner, name = call.args
    if isinstance(owner, Global) and isinstance(name, str):
        # Protocols before 4 write a dotted name of the table so.
        dotted = f"{owner.name}.{name}"
        listed = "." not in owner.name and (owner.module, dotted) in TRUSTED_ONE_BY_ONE
        return Global(owner.module, dotted, owner.offset) if listed else None
    entropy = isinstance(owner, Call) and name == "_entropy" and isinstance(owner.made, Global)
    if entropy and judge(owner.made.module, owner.made.name).rule == "distribution":
        return Opaque("a method of a distribution")
    return None


def _singleton(call: Call) -> str:
    """``type(None)`` and the like; with more arguments it makes classes."""
    first = call.args[0] if len(call.args) == 1 and call.kwargs is None else call
    named = isinstance(first, Global) and first.full in (
        "builtins.Ellipsis",
        "builtins.NotImplemented",
    )
    return "" if first is None or named else "would make a class, or tell one"


def _zone(call: Call) -> str:
    """A key of the time zone database; the library looks for it below its own folders only."""
    key, cached = (*call.args, None, None)[:2]
    fits = isinstance(key, str) and _ZONE_KEY.fullmatch(key) and isinstance(cached, int)
    return "" if fits and len(call.args) == 2 and call.kwargs is None else "is no key of a zone"


def _value(call: Call) -> str:
    fits = len(call.args) == 1 and isinstance(call.args[0], (int, str)) and call.kwargs is None
    return "" if fits else "is given more than the value of a member"


def _regex(call: Call) -> str:
    pattern, flags = (*call.args, None, None)[:2]
    fits = isinstance(pattern, (str, bytes)) and len(pattern) <= _LONGEST_PATTERN
    fits = fits and isinstance(flags, int) and len(call.args) == 2 and call.kwargs is None
    return "" if fits else "is given more than a short pattern and flags"


def _record(call: Call) -> str:
    """A named tuple, which stores what it is given."""
    fits = not any(isinstance(item, (Global, Persistent)) for item in call.args)
    return "" if fits and call.kwargs is None else "is given more than values"


def _packed(call: Call) -> str:
    """``array.array("d", [1.0])``, or its reconstructor with the class before and bytes behind."""
    args = list(call.args)
    if args and isinstance(args[0], Global):
        args = args[1:] if args[0].full == "array.array" else []
    fits = 1 <= len(args) <= 3 and isinstance(args[0], str) and len(args[0]) == 1
    for item in args[1:]:
        held = isinstance(item, (int, bytes, Blob)) or is_encoded(item)
        fits = fits and (held or (isinstance(item, _CONTAINERS) and _flat(item)))
    return "" if fits and call.kwargs is None else "is given more than a code and numbers"


def _group(call: Call) -> str:
    """``ExceptionGroup("text", [exceptions])``."""
    text, inner = (*call.args, None, None)[:2]
    fits = len(call.args) == 2 and isinstance(text, str) and isinstance(inner, (List, Tuple))
    for item in inner.items if fits else ():
        fits = fits and isinstance(item, Call) and item.name.startswith("builtins.")
    return "" if fits and call.kwargs is None else "is given more than exceptions"


#: Rules under which a class takes no arguments: its state comes later.
_BARE = frozenset(
    {
        INERT,
        "empty",
        "lightgbm",
        "xgboost",
        "holder",
        "arrow",
        "distribution",
        "statsmodels",
        "spline",
    }
)
#: Rule name to what it asks of the arguments.
RULES: dict[str, Callable[[Call], str]] = {
    **dict.fromkeys(_BARE, _no_arguments),
    "data": _data,
    "container": _container,
    "no_size": _no_size,
    "deque": _deque,
    "factory": _factory,
    "zoned": _zoned,
    "reconstructor": _reconstructor,
    "class_first": _class_first,
    "text_codec": _text_codec,
    "array": _array,
    "scalar": _scalar,
    "frombuffer": lambda _: "",  # decoded in full by numpy_values.array_from_buffer
    "dtype": _dtype,
    "masked": _masked,
    "bits": _bits,
    "generator": _generator,
    "tree": _tree,
    "frame": _frame,
    "tensor": _tensor,
    "retyped": _retyped,
    "attribute": _attribute,
    "singleton": _singleton,
    "zone": _zone,
    "value": _value,
    "regex": _regex,
    "record": _record,
    "packed": _packed,
    "group": _group,
}
#: Rules under which a class may be built by ``__new__`` alone and then be given a state.
INSTANCES = _BARE | {"frame", "container", "data", "record"}
