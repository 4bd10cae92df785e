"""An interpreter of pickle opcodes that calls nothing.

It keeps the stack, the marks and the memo that the real unpickler would keep, with symbols in
place of objects (:mod:`values`), so that it knows what every ``REDUCE`` calls and what every
``STACK_GLOBAL`` names, however they got there.  Each name and each use of it is judged by
:mod:`trust` and :mod:`arguments`; whatever cannot be decided is a reason to refuse.

Sources: the opcode documentation in CPython's ``pickletools``; PEP 307, PEP 3154 and PEP 574.
Where CPython's two unpicklers differ (the one in C, and the one in Python that joblib extends),
the interpreter takes the reading that does more.

joblib writes the bytes of an array right behind the ``BUILD`` of a ``NumpyArrayWrapper``, in the
middle of the opcodes.  ``joblib.load`` takes them as an array, ``pickle.load`` as opcodes, and
one file can be made to mean two things.  Both readings are followed.
"""

import re
import struct
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Callable
from dataclasses import dataclass, field

from audit_lib.subject.artifacts.artifact import Safety
from audit_lib.subject.artifacts.draft import Draft, OverBudget, Undecodable
from audit_lib.subject.artifacts.judge import arguments, numpy_values, states, torch_values
from audit_lib.subject.artifacts.judge.opcodes import HANDLERS
from audit_lib.subject.artifacts.judge.steps import Stop
from audit_lib.subject.artifacts.judge.trust import CALL_ONLY, INERT, NAMED, judge
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
from audit_lib.subject.artifacts.streams import Stream, Truncated

_LONGEST_LINE = 1 << 24
_LONGEST_KEPT = 1 << 24  # one value; a LightGBM model in text is a few MiB
_MOST_NESTED_TUPLES = 50
_LISTS = frozenset(("builtins.list", "collections.deque"))
_SETS = frozenset(("builtins.set",))
_DICTS = frozenset((
    "builtins.dict", "collections.OrderedDict", "collections.Counter", "collections.defaultdict",
    "scipy.optimize._optimize.OptimizeResult", "scipy.optimize.optimize.OptimizeResult",
    "scipy.optimize._zeros_py.RootResults", "statsmodels.tools.tools.Bunch", "sklearn.utils.Bunch",
    "sklearn.utils._bunch.Bunch",
))  # fmt: skip
_IMPORTABLE = re.compile(r"[^\W\d][\w.]*")
_LOADERS = re.compile(r"(loads?|_load_from_bytes|unpickle|_?[Uu]npickler)$")


@dataclass
class Scan:
    """What the interpretations of one artifact share.

    Attributes:
        draft: where names, reasons and problems go.
        where: the stream under interpretation, for reasons.
        arrays: arrays met, in the order of the bytes.
        persistent: judges a persistent id; without it every one is refused.
        kept: bytes of values still to be kept.
        nested: constants that look like pickles, with their place.
        second: this is how ``pickle.load`` would read what is meant for ``joblib.load``: it
            ends where ``pickle.load`` is certain to fail.
    """

    draft: Draft
    where: str = ""
    arrays: list[Array] = field(default_factory=list)
    persistent: Callable[[Value], str] | None = None
    kept: int = 0
    nested: list[tuple[int, bytes]] = field(default_factory=list)
    second: bool = False

    def refuse(
        self, why: str, offset: int, name: str = "", safety: Safety = Safety.UNKNOWN
    ) -> None:
        """Add a reason that belongs to the stream under interpretation."""
        self.draft.refuse(why, offset=offset, global_name=name, where=self.where, safety=safety)

    def keep(self, count: int) -> bool:
        """True if a value of so many bytes may be held in memory."""
        if count > _LONGEST_KEPT or count > self.kept:
            return False
        self.kept -= count
        return True


class Machine:
    """One run over one pickle.

    Args:
        stream: where the opcodes are.
        scan: shared state of the artifact.
        joblib: read arrays behind their wrappers, as ``joblib.load`` does.
    """

    def __init__(self, stream: Stream, scan: Scan, *, joblib: bool = True) -> None:
        self.stream = stream
        self.scan = scan
        self.joblib = joblib
        self.stack: list[Value] = []
        self.marks: list[list[Value]] = []
        self.memo: dict[int, Value] = {}
        self.protocol = 0
        self.frame_end = 0
        self.wrapped_arrays = 0
        self.calls = 0
        #: Names of ``CALL_ONLY`` on the stack that no call has taken yet.
        self.uncalled: list[Global] = []
        #: Counts what may have taken hold of a dtype: calls and states of all but dtypes.
        self.age = 0

    def run(self) -> Value:
        """Interpret up to ``STOP`` and return what the pickle holds.

        Raises:
            Undecodable: it is no pickle, or ends early; what it did before has been judged.
            OverBudget: it has more opcodes than the budget allows.
        """
        draft, limit = self.scan.draft, self.scan.draft.budget.opcodes
        read, handlers = self.stream.read, HANDLERS
        try:
            while True:
                code = read(1)
                if not code:
                    raise Truncated(f"ends at byte {self.stream.tell()}, before its STOP opcode")
                draft.opcodes += 1
                if draft.opcodes > limit:
                    raise OverBudget(f"more than the budget of {limit} opcodes")
                handler = handlers[code[0]]
                if handler is None:
                    raise Undecodable(
                        f"no pickle opcode 0x{code[0]:02x} at byte {self.stream.tell() - 1}"
                    )
                handler(self)
        except Stop as stop:
            return stop.value
        except IndexError:
            place = self.stream.tell()
            raise Undecodable(f"takes a value from an empty stack before byte {place}") from None
        except (ValueError, KeyError, OverflowError, struct.error) as error:
            raise Undecodable(f"before byte {self.stream.tell()}: {error}") from None
        finally:
            for reference in self.uncalled:
                self.scan.refuse(
                    "may be called in one way only, and is kept",
                    reference.offset,
                    reference.full,
                    Safety.UNSAFE,
                )

    # --- stack ------------------------------------------------------------------------------------
    def pop_mark(self) -> list[Value]:
        """Values since the last mark."""
        items = self.stack
        self.stack = self.marks.pop()
        return items

    def number(self, layout: str, size: int) -> int:
        """A number of fixed size from the stream."""
        value: int = struct.unpack(layout, self.stream.take(size))[0]
        return value

    def text_line(self) -> bytes:
        """A line without its newline.

        Raises:
            Truncated: the stream ends before the newline.
        """
        line = self.open_line()
        if not line.endswith(b"\n"):
            raise Truncated(f"ends at byte {self.stream.tell()}, within a line")
        return line[:-1]

    def open_line(self) -> bytes:
        """A line, without a newline where the stream ends before it.

        Raises:
            OverBudget: it is longer than any that an honest file holds.
        """
        line = self.stream.line(_LONGEST_LINE)
        if len(line) == _LONGEST_LINE and not line.endswith(b"\n"):
            raise OverBudget(f"a line of more than {_LONGEST_LINE} bytes")
        return line

    def data(self, count: int, kind: str = "bytes") -> bytes | Blob:
        """So many bytes, or where they are too many to keep, how many there are.

        Raises:
            Truncated: there are fewer.
        """
        if count <= 256 or self.scan.keep(count):
            return self.stream.take(count)
        self.stream.skip(count)
        return Blob(count, kind)

    # --- names ------------------------------------------------------------------------------------
    def find(self, module: str, name: str) -> Global:
        """Note a name and judge it."""
        if self.protocol < 3:
            # Python 2 names are translated first, by every unpickler's default.
            if (module, name) in NAME_MAPPING:
                module, name = NAME_MAPPING[(module, name)]
            elif module in IMPORT_MAPPING:
                module = IMPORT_MAPPING[module]
        if self.scan.second and not _IMPORTABLE.fullmatch(module):
            raise Undecodable("a name that no module has")
        reference = Global(module, name, self.stream.tell())
        full = printable(reference.full)
        verdict = judge(module, name)
        if self.scan.second and name == "dtype" and verdict.safety is Safety.UNKNOWN:
            # Behind the wrapper of an array of references stands a pickle by NumPy.  Taken for
            # a part of this one, its "numpy" is another text of the memo, and no module.
            return reference
        self.scan.draft.globals.add(full)
        vouched = verdict.safety is Safety.UNKNOWN and full in self.scan.draft.trusted
        if verdict.safety is not Safety.SAFE and not vouched:
            self.scan.refuse(verdict.why, reference.offset, full, verdict.safety)
        self.pushed(reference)
        return reference

    def pushed(self, value: Value) -> None:
        """Note a name that came onto the stack and may do nothing there but be called."""
        if isinstance(value, Global) and judge(value.module, value.name).rule in CALL_ONLY:
            self.uncalled.append(value)

    def rule(self, target: Value) -> str:
        """The rule under which something may be used; ``""`` for what is not trusted."""
        if not isinstance(target, Global):
            return ""
        verdict = judge(target.module, target.name)
        if verdict.safety is Safety.UNKNOWN and target.full in self.scan.draft.trusted:
            return INERT
        return verdict.rule

    def call(self, target: Value, args: Value, *, new: bool = False, kwargs: Value = None) -> Value:
        """The symbol of a call, judged."""
        self.calls += 1
        offset = self.stream.tell()
        if not isinstance(args, Tuple) or not isinstance(kwargs, (Dict, type(None))):
            raise ValueError("arguments that are no tuple, or keywords that are no dict")
        callable_ = (Global,) if self.scan.second else (Global, Call, Opaque, Persistent)
        if not isinstance(target, callable_):
            raise ValueError("a call of a value that cannot be called")
        result = Call(target, args.items, offset, new, kwargs if kwargs and kwargs.pairs else None)
        if self.rule(target) not in ("dtype", "text_codec"):
            self.age += 1
        result.age = self.age
        if isinstance(target, Global):
            self._judge_call(target, result)
            if self.rule(target) == "attribute":
                return arguments.attribute_of(result) or result
        else:
            self.scan.refuse("calls a value that is computed while loading", offset)
        return result

    def _judge_call(self, target: Global, call: Call) -> None:
        rule, name = self.rule(target), printable(target.full)
        if _LOADERS.search(target.name):
            for item in call.args:
                raw = numpy_values.as_bytes(item)
                if raw is not None:
                    self.scan.nested.append((call.offset, raw))
        if not rule:
            return  # naming it was refused already
        if rule == NAMED:
            self.scan.refuse("may be referred to, but is called", call.offset, name)
            return
        if call.new and rule not in arguments.INSTANCES:
            self.scan.refuse("is no class that may be built bare", call.offset, name)
            return
        if rule in CALL_ONLY:
            self.uncalled.remove(target)
        wrong = arguments.RULES[rule](call)
        instance = self.rule(call.made)
        inert = not instance or instance in arguments.INSTANCES
        if not wrong and call.made is not target and not inert:
            wrong = "would build something else than a class that is inert to build"
        if wrong:
            severe = Safety.UNSAFE if rule in CALL_ONLY else Safety.UNKNOWN
            self.scan.refuse(wrong, call.offset, name, severe)
        else:
            self._judge_result(rule, call)

    def _judge_result(self, rule: str, call: Call) -> None:
        """Take over what an accepted call makes."""
        if rule == "frombuffer":
            self._array(call, lambda kept: numpy_values.array_from_buffer(call, kept))
        elif rule in ("tensor", "retyped"):
            call.array = torch_values.rebuilt(call)
            if call.array is not None and call.array not in self.scan.arrays[-1:]:
                self.scan.arrays.append(call.array)
        elif rule == "text_codec":
            self.notice(numpy_values.as_bytes(call))

    def _array(self, call: Call, make: Callable[[int], Array]) -> None:
        budget = self.scan.draft.budget
        try:
            call.array = make(budget.array_values * 16)
        except numpy_values.Doubtful as error:
            if not self.scan.second:
                self.scan.refuse(str(error), call.offset, call.name)
            return
        self.scan.arrays.append(call.array)

    def notice(self, data: bytes | Blob | None) -> None:
        """Remember bytes that look like a pickle of their own."""
        if not isinstance(data, bytes) or len(data) < 4:
            return
        if data[0] == 0x80 and data[1] <= 5 and data.endswith(b"."):
            self.scan.nested.append((self.stream.tell(), data))

    # --- state ------------------------------------------------------------------------------------
    def build(self, target: Value, state: Value) -> None:
        """Give an object its state, judged.

        Honest files do so once, right when the object is made.  Later, others may rely on what
        it was: a dtype that turns into one of references under an array of raw bytes makes
        pointers of them.
        """
        offset = self.stream.tell()
        if isinstance(target, Global):
            name = printable(target.full)
            self.scan.refuse("is changed itself (BUILD)", offset, name, Safety.UNSAFE)
            return
        if not isinstance(target, Call):
            if isinstance(target, (Opaque, Persistent)):
                self.scan.refuse("gives a state to a value that is not in the file", offset)
            return  # nothing happens where the state is empty, else unpicklers fail
        rule = self.rule(target.made)
        wrong = states.judge_state(rule, state) if rule else ""
        if rule and (target.states or rule == "frombuffer"):
            wrong = wrong or "is given a state twice"
        if rule == "dtype" and target.age != self.age:
            wrong = wrong or "is given a state after it was used"
        if rule != "dtype":
            self.age += 1
        if wrong:
            harmful = Safety.UNSAFE if wrong.startswith("sets __") else Safety.UNKNOWN
            self.scan.refuse(wrong, offset, target.name, harmful)
        target.states.append(state)
        if rule == "dtype":
            self._dtype(target, state)
        elif rule == "array":
            self._array(target, lambda kept: numpy_values.array_from_state(target, state, kept))

    def _dtype(self, call: Call, state: Value) -> None:
        if call.dtype is None:
            return
        try:
            call.dtype = numpy_values.dtype_with_state(call.dtype, state)
        except numpy_values.Doubtful as error:
            call.dtype = None
            if not self.scan.second:
                self.scan.refuse(str(error), call.offset, "numpy.dtype")

    def fill(self, target: Value, items: list[Value], attribute: str) -> None:
        """APPEND, ADDITEMS: put values into a container, judged."""
        if not items or isinstance(target, bytes):  # nothing to put, or a bytearray
            return
        node, names = (List, _LISTS) if attribute == "append" else (Set, _SETS)
        if self._holds(target, node, names, f"call {attribute}", "container"):
            target.items.extend(items)

    def set_items(self, target: Value, flat: list[Value]) -> None:
        """SETITEM, SETITEMS: put pairs into a dict, judged."""
        pairs = list(zip(flat[::2], flat[1::2], strict=True))
        if not pairs or isinstance(target, bytes):  # nothing to set, or a bytearray
            return
        for key, _ in pairs:
            self.hashed(key)
        if self._holds(target, Dict, _DICTS, "set items", "dict"):
            target.pairs.extend(pairs)

    def _holds(
        self, target: Value, node: type, names: frozenset[str], doing: str, kind: str
    ) -> bool:
        """True for a container of that kind; what may be none is refused.

        Args:
            node, names: the kind, as a node and as what is called to make one.
            doing, kind: what would be done to it, and what it should be, for people.

        Raises:
            ValueError: unpicklers fail there.
        """
        if isinstance(target, Call):
            if target.name not in names and self.rule(target.target):
                why = f"would {doing} of what is no {kind}"
                self.scan.refuse(why, self.stream.tell(), target.name)
            return target.name in names
        # A list takes items by their place, and other keys fail.
        doubtful = isinstance(target, (Global, Opaque, Persistent))
        if doubtful or (node is Dict and isinstance(target, List)):
            why = f"would {doing} of what is not known to be a {kind}"
            self.scan.refuse(why, self.stream.tell())
        elif not isinstance(target, node):
            raise ValueError(f"a value without {doing.rpartition(' ')[2]}")
        return isinstance(target, node)

    def hashed(self, key: Value) -> None:
        """Keys and members are hashed, and hashing nested tuples overflows the C stack."""
        if isinstance(key, Tuple) and key.depth > _MOST_NESTED_TUPLES:
            self.scan.refuse(
                f"hashes tuples nested {key.depth} deep, which may crash or never end",
                self.stream.tell(),
            )


def printable(name: str) -> str:
    """A name with control characters and lone surrogates made visible."""
    return (
        name.encode("unicode_escape", "backslashreplace").decode()
        if not (name.isascii() and name.isprintable())
        else name
    )
