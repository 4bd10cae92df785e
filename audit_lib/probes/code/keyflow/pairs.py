"""A writer and a reader that stand in one file and name no document: ``save`` and ``load``.

Most checkpoints are written to a path that the caller gives.  Where a file holds one writer and one
reader of a form, they are each other's.
"""

import ast
from collections import Counter

from audit_lib.probes.code.keyflow.naming import ENDINGS
from audit_lib.probes.code.keyflow.reads import Reads
from audit_lib.subject.code import Code
from audit_lib.subject.units import Unit
from audit_lib.subject.uses import dotted

_WRITERS = {
    "json.dump": "json", "yaml.dump": "yaml", "yaml.safe_dump": "yaml", "pickle.dump": "pickle",
    "joblib.dump": "joblib", "torch.save": "torch", "np.savez": "npz", "numpy.savez": "npz",
    "np.savez_compressed": "npz", "numpy.savez_compressed": "npz", "cloudpickle.dump": "pickle",
}  # fmt: skip
_READERS = {
    "json.load": "json", "yaml.load": "yaml", "yaml.safe_load": "yaml", "pickle.load": "pickle",
    "joblib.load": "joblib", "torch.load": "torch", "np.load": "npz", "numpy.load": "npz",
    "cloudpickle.load": "pickle",
}  # fmt: skip


def pairs(code: Code) -> list[str]:
    """Files with one writer and one reader of the same form, and no other of either."""
    paths = []
    for path, file in code.files.items():
        text = file.file.text
        if "load" not in text or ("dump" not in text and "save" not in text):
            continue
        calls = [dotted(n.func) for n in ast.walk(file.units[0].node or ast.Module([], []))
                 if isinstance(n, ast.Call)]  # fmt: skip
        writers = Counter(_WRITERS[c] for c in calls if c in _WRITERS)
        readers = Counter(_READERS[c] for c in calls if c in _READERS)
        if sum(writers.values()) == sum(readers.values()) == 1 and writers == readers:
            paths.append(path)
    return paths


class Pair(Reads):
    """The document of one file's writer and reader."""

    def __init__(self, code: Code, path: str) -> None:
        super().__init__(code, "")
        self.path = path

    def named_near(self, unit: Unit, call: ast.Call) -> bool:
        """True for the reader itself; what is loaded of a text came another way."""
        return not dotted(call.func).endswith("loads") and super().named_near(unit, call)

    def _judge(self, text: str) -> bool | None:
        return False if text.endswith(ENDINGS) and len(text) > len(max(ENDINGS, key=len)) else None

    def unit_tells(self, unit: Unit) -> bool:
        """True within the file."""
        return unit.path == self.path
