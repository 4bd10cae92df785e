"""Files that run a command in the loader they are made for, in many spellings.

Each is tried: the standard unpickler, or the unsafe loader of YAML, with look-ups that record.
"""

from __future__ import annotations

import struct
from itertools import product
from types import SimpleNamespace
from typing import Any

import yaml

HARMFUL = (
    ("os", "system"),
    ("posix", "popen"),
    ("subprocess", "call"),
    ("builtins", "exec"),
    ("importlib", "import_module"),
    ("code", "interact"),
)

#: What may stand before a call without an unpickler minding.
PREFIXES = {
    "octal": b"I010\n0",
    "octal of zeros": b"I0000\n0",
    "hexadecimal": b"I0x1F\n0",
    "spaces": b"I \t7\n0",
    "ends at a NUL": b"I7\0 and more\n0",
    "nothing but a NUL": b"I\0\n0",
    "underscores": b"L1_0L\n0",
    "long of NUL": b"L5\0x\n0",
    "float of NUL": b"F1.5\0x\n0",
    "float of spaces": b"F 1.5 \n0",
    "quotes within": b"S'it's'\n0",
    "text of two bytes": "Vé\n0".encode(),
    "memo by octal": b"Np07\n0g7\n0",
    "memo with spaces": b"Np 7\n0g+7\n0",
    "memo at a NUL": b"Np7\0x\n0g7\n0",
    "state of nothing": b"]Nb0",
    "items of nothing": b"N(e0N(u0",
    "marks thrown away": b"((((1111",
    "frame too long, within text": b"K\xc2\x95" + struct.pack("<Q", 1 << 20) + b"0",
    "nested sets": b"\x8f(K\x01K\x02\x900",
    "a line of 2 MiB": b"V" + b"a" * (2 << 20) + b"\n0",
}


def calls(module: str, name: str) -> dict[str, bytes]:
    """One call in every way the opcodes have."""
    m, n = module.encode(), name.encode()
    line = b"c" + m + b"\n" + n + b"\n"
    short = b"\x8c" + bytes((len(m),)) + m + b"\x8c" + bytes((len(n),)) + n + b"\x93"
    return {
        "REDUCE": line + b"(S'x'\ntR.",
        "REDUCE of nothing": line + b")R.",
        "INST": b"(S'x'\ni" + m + b"\n" + n + b"\n.",
        "OBJ": b"(" + line + b"S'x'\no.",
        "STACK_GLOBAL": short + b"\x8c\x01x\x85R.",
        "text of protocol 0": b"V" + m + b"\nV" + n + b"\n\x93(Vx\ntR.",
        "no STOP": line + b"(S'x'\ntR",
        "something behind": line + b"(S'x'\ntR.\nand more",
    }


def pickles() -> dict[str, bytes]:
    """Every prefix before one call, and every call of every name."""
    found = {f"{way} of {m}.{n}": data for m, n in HARMFUL for way, data in calls(m, n).items()}
    for (said, before), way in product(PREFIXES.items(), ("REDUCE", "INST", "text of protocol 0")):
        found[f"{said}, then {way}"] = before + calls("os", "system")[way]
    return found


_APPLY = "!!python/object/apply:os.system"
_FULL = "tag:yaml.org,2002:python/object/apply:os.system"
YAMLS = {
    "whole file": f"{_APPLY} ['x']\n",
    "whole file in block": f"{_APPLY}\n- x\n",
    "whole file with a mark": f"--- {_APPLY} [x]\n",
    "second document, read by load_all": f"a: 1\n--- {_APPLY} [x]\n",
    "value": f"a: {_APPLY} [x]\n",
    "item": f"- {_APPLY} [x]\n",
    "flow": f"[{_APPLY} [x]]\n",
    "flow mapping": f"{{a: {_APPLY} [x]}}\n",
    "flow without space": f'{{"a":{_APPLY} [x]}}\n',
    "key": f"? {_APPLY} [x]\n: 1\n",
    "verbatim": f"!<{_FULL}> [x]\n",
    "verbatim value": f"a: !<{_FULL}> [x]\n",
    "handle": "%TAG !e! tag:yaml.org,2002:python/\n--- !e!object/apply:os.system [x]\n",
    "handle that splits the word": (
        "%TAG !e! tag:yaml.org,2002:pyth\n--- !e!on/object/apply:os.system [x]\n"
    ),
    "primary handle": "%TAG ! tag:yaml.org,2002:python/object/apply:os.\n--- !system [x]\n",
    "secondary handle": "%TAG !! tag:yaml.org,2002:python/object/\n--- !!apply:os.system [x]\n",
    "escaped": "!!%70ython/object/apply:os.system [x]\n",
    "escaped colon": "!!python/object/apply%3Aos.system [x]\n",
    "anchored": f"a: &x {_APPLY} [x]\nb: *x\n",
    "anchor behind": f"a: {_APPLY} &x [x]\n",
    "name": "!!python/name:os.system\n",
    "module": "!!python/module:os\n",
    "new": "!!python/object/new:os.system [x]\n",
    "object": "a: !!python/object:subprocess.Popen {args: x}\n",
    "after a comment": f"# a model\n\n\n{_APPLY} [x]\n",
    "after 10 KB of text": "# " + "x" * 10_000 + f"\n{_APPLY} [x]\n",
    "after many keys": "".join(f"k{i}: {i}\n" for i in range(2000)) + f"z: {_APPLY} [x]\n",
    "deep": "[" * 30 + f"{_APPLY} [x]" + "]" * 30 + "\n",
    "byte order mark": "\ufeff" + f"{_APPLY} [x]\n",
    "merge key": f"<<: {{a: {_APPLY} [x]}}\n",
    "with the looks of CSV": f"a,b\n1,2\n--- {_APPLY} [x]\n",
    "with the looks of JSON": f'{{"a": 1, "b": {_APPLY} ["x"]}}\n',
    "with the looks of a model": f"tree\nversion\n--- {_APPLY} [x]\n",
    "keywords": f"{_APPLY}\nargs: [x]\nkwds: {{}}\n",
    "state": "!!python/object/new:str\nargs: []\nstate: !!python/object/apply:os.system [x]\n",
}


class _Recording(yaml.UnsafeLoader):
    found: list[str]

    def find_python_name(self, name: str, mark: Any, unsafe: bool = True) -> Any:
        self.found.append(name)
        return lambda *_args, **_keywords: None

    def find_python_module(self, name: str, mark: Any, unsafe: bool = True) -> Any:
        self.found.append(name)

    def make_python_instance(self, suffix: str, node: Any, *_: Any, **__: Any) -> Any:
        self.found.append(suffix)
        return SimpleNamespace()


def looked_up(text: str) -> list[str]:
    """What the unsafe loader looks up while it loads every document of a text."""
    loader = _Recording(text)
    loader.found = []
    try:
        while loader.check_data():
            loader.get_data()
    except (yaml.YAMLError, TypeError):
        pass
    return loader.found
