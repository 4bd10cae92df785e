"""Files that must be refused, each made by a function; none of them is ever loaded.

A case is ``name: (bytes, safety, name or words that a reason must hold)``.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import struct
import tarfile
import warnings
import zipfile
import zlib

from assembler import (
    EVIL,
    SCALER,
    bare_dtype,
    call,
    dtype,
    items,
    line,
    named,
    new,
    npy,
    npy_objects,
    number,
    pairs,
    pickle_of,
    proto,
    raw,
    system,
    text,
    wrapper,
)

from audit_lib.subject.artifacts import Safety

UNSAFE, UNKNOWN = Safety.UNSAFE, Safety.UNKNOWN
Case = tuple[bytes, Safety, str]


def _called(module: str, name: str, safety: Safety = UNSAFE) -> Case:
    return pickle_of(call(named(module, name), text("x"))), safety, f"{module}.{name}"


def harmful_names() -> dict[str, Case]:
    """One call of each kind of harmful function."""
    names = """
    posix system, nt system, subprocess Popen, subprocess check_output, builtins eval,
    builtins exec, builtins compile, builtins __import__, builtins getattr, builtins open,
    builtins map, operator attrgetter, operator methodcaller, functools reduce, types FunctionType,
    types CodeType, importlib import_module, runpy run_path, numpy load, numpy fromfile,
    numpy.testing._private.utils runstring, numpy.f2py.crackfortran getlincoef,
    numpy.core _ufunc_reconstruct, numpy._core _ufunc_reconstruct, numpy.lib.npyio load,
    pandas read_pickle, pandas eval, joblib load, joblib.numpy_pickle load, pickle loads,
    torch load, torch.storage _load_from_bytes, torch.hub load, torch.jit load,
    scipy.stats._distn_infrastructure rv_sample, cloudpickle.cloudpickle _make_function,
    dill._dill _create_function, marshal loads, code InteractiveInterpreter, timeit timeit,
    webbrowser open, socket create_connection, urllib.request urlopen, shutil rmtree, pty spawn,
    tempfile mktemp, pip main, site execsitecustomize, ctypes CDLL, pdb run, bdb Bdb.run,
    sys settrace, io open, asyncio run, multiprocessing.util Finalize, logging.config fileConfig
    """
    pairs_ = [entry.split() for entry in names.split(",")]
    return {f"call {m}.{n}": _called(m, n) for m, n in pairs_}


def unknown_names() -> dict[str, Case]:
    """Names that nobody vouches for, and that pretend to be trusted ones."""
    names = """
    engine.models Ensemble, functools partial, sklearn.utils.validation check_array,
    sklearn.externals._arff load, sklearn.datasets._base load_files, sklearn.preprocessing system,
    sklearn_evil StandardScaler, sklearn StandardScaler.fit, numpy.random._pickle os,
    collections namedtuple, lightgbm.basic Dataset, xgboost.core DMatrix, pandas.core.frame os,
    numpy ndarray.tofile, __main__ Model, joblib_evil.numpy_pickle NumpyArrayWrapper
    """
    pairs_ = [entry.split() for entry in names.split(",")]
    return {f"name {m}.{n}": _called(m, n, UNKNOWN) for m, n in pairs_}


def spellings() -> dict[str, Case]:
    """One call, spelled in every way the opcodes allow."""
    os_system = "os.system"
    return {
        "protocol 0": (b"cos\nsystem\n(S'x'\ntR.", UNSAFE, os_system),
        "protocol 0 with a unicode string": (b"cos\nsystem\n(Vx\ntR.", UNSAFE, os_system),
        "protocol 1": (b"cos\nsystem\nq\x00(U\x01xtR.", UNSAFE, os_system),
        "protocol 2": (pickle_of(line("os", "system") + b"U\x01x\x85R", 2), UNSAFE, os_system),
        "protocol 5": (pickle_of(system(), 5), UNSAFE, os_system),
        "Python 2 name": (b"c__builtin__\neval\n(S'x'\ntR.", UNSAFE, "builtins.eval"),
        "Python 2 module": (b"ccommands\ngetoutput\n(S'x'\ntR.", UNSAFE, "subprocess.getoutput"),
        "INST": (b"(S'x'\nios\nsystem\n.", UNSAFE, os_system),
        "OBJ": (b"(cos\nsystem\nS'x'\no.", UNSAFE, os_system),
        "NEWOBJ": (pickle_of(new(named("subprocess", "Popen"), text("x"))), UNSAFE, "Popen"),
        "NEWOBJ_EX": (
            pickle_of(named("subprocess", "Popen") + items() + pairs(args=text("x")) + b"\x92"),
            UNSAFE,
            "Popen",
        ),
        "through the memo": (
            pickle_of(
                b"}" + text("os") + b"\x94" + text("system") + b"\x9400h\x00h\x01\x93"
            ).replace(b"\x93.", b"\x93" + items(text("x")) + b"R."),
            UNSAFE,
            os_system,
        ),
        "memo written over": (
            pickle_of(
                text("collections")
                + b"q\x00"
                + text("os")
                + b"q\x00"
                + b"00h\x00"
                + text("system")
                + b"\x93"
                + items(text("x"))
                + b"R"
            ),
            UNSAFE,
            os_system,
        ),
        "text put into the memo": (
            b"Vos\np7\n0Vsystem\np8\n0g7\ng8\n\x93(Vx\ntR.",
            UNSAFE,
            os_system,
        ),
        "duplicated": (
            pickle_of(named("os", "system") + b"20" + items(text("x")) + b"R"),
            UNSAFE,
            os_system,
        ),
        "result thrown away": (pickle_of(system() + b"0}"), UNSAFE, os_system),
        "result thrown away with its mark": (
            pickle_of(b"(" + system() + b"1}"),
            UNSAFE,
            os_system,
        ),
        "mark popped": (pickle_of(b"(0" + system()), UNSAFE, os_system),
        "within a list that is dropped": (
            pickle_of(b"](" + system() + b"e0N"),
            UNSAFE,
            os_system,
        ),
        "as a key": (pickle_of(b"}" + system() + b"Ns"), UNSAFE, os_system),
        "only named": (pickle_of(named("os", "system")), UNSAFE, os_system),
        "named in a trusted call": (
            pickle_of(call(named("collections", "defaultdict"), named("os", "system"))),
            UNSAFE,
            os_system,
        ),
        "as an attribute": (
            pickle_of(new(SCALER) + pairs(transform=named("os", "system")) + b"b"),
            UNSAFE,
            os_system,
        ),
        "dotted name": (
            pickle_of(call(named("collections", "abc.sys.modules"), text("x"))),
            UNKNOWN,
            "abc.sys",
        ),
        "dotted from a trusted class": (
            pickle_of(named("sklearn.preprocessing._data", "StandardScaler.fit.__globals__")),
            UNKNOWN,
            "__globals__",
        ),
        "dotted harmful": (
            pickle_of(call(named("os", "path.os.system"), text("x"))),
            UNSAFE,
            "path.os.system",
        ),
        "carriage returns": (b"cos\r\nsystem\r\n(S'x'\ntR.", UNKNOWN, "system"),
        "newline in the name": (
            pickle_of(call(named("os\n", "system"), text("x"))),
            UNKNOWN,
            "system",
        ),
        "NUL in the name": (
            pickle_of(call(named("os\x00", "system"), text("x"))),
            UNKNOWN,
            "system",
        ),
        "Cyrillic letter": (
            pickle_of(call(named("оs", "system"), text("x"))),
            UNSAFE,
            "another script",
        ),
        "full-width letters": (
            pickle_of(call(named("ｏｓ", "ｓｙｓｔｅｍ"), text("x"))),
            UNSAFE,
            "another script",
        ),
        "lone surrogate": (
            pickle_of(call(named("engine\ud800", "x"), text("x"))),
            UNKNOWN,
            "outside ASCII",
        ),
        "frame around it": (
            proto(4) + b"\x95" + struct.pack("<Q", len(system()) + 1) + system() + b".",
            UNSAFE,
            os_system,
        ),
        "protocol changed half way": (
            proto(4) + b"N0" + proto(2) + line("commands", "getoutput") + items(text("x")) + b"R.",
            UNSAFE,
            "subprocess.getoutput",
        ),
    }


def undecidable() -> dict[str, Case]:
    """What only the loading process could tell, or what cannot be read."""
    return {
        "extension code 1": (pickle_of(b"\x82\x01" + items() + b"R"), UNKNOWN, "extension code"),
        "extension code 2": (pickle_of(b"\x83\x01\x02" + items() + b"R"), UNKNOWN, "extension"),
        "extension code 4": (
            pickle_of(b"\x84\x01\x02\x03\x00" + items() + b"R"),
            UNKNOWN,
            "extension code",
        ),
        "persistent id in text": (proto(2) + b"Pobject\n.", UNKNOWN, "persistent id"),
        "persistent id": (pickle_of(text("object") + b"Q"), UNKNOWN, "persistent id"),
        "persistent id called": (
            pickle_of(text("object") + b"Q" + items() + b"R"),
            UNKNOWN,
            "persistent id",
        ),
        "computed name": (
            pickle_of(
                call(named("_codecs", "encode"), text("os"), text("latin1"))
                + text("system")
                + b"\x93"
                + items(text("x"))
                + b"R"
            ),
            UNKNOWN,
            "computed",
        ),
        "computed function": (
            pickle_of(new(SCALER) + items(text("x")) + b"R"),
            UNKNOWN,
            "computed",
        ),
        "truncated after the call": (EVIL[:-1], UNSAFE, "os.system"),
        "truncated before the call": (EVIL[: EVIL.index(b"\x93")], UNKNOWN, "end"),
        "truncated within the name": (b"cos\nsystem!", UNSAFE, "os.system"),
        "truncated benign": (pickle_of(b"](K\x01K\x02e")[:-2], UNKNOWN, "end"),
        "unknown opcode after the call": (proto(4) + system() + b"\xff.", UNSAFE, "os.system"),
        "unknown opcode": (proto(4) + b"N\xff.", UNKNOWN, "opcode"),
        "unknown protocol": (proto(2) + b"N0" + proto(9) + b".", UNKNOWN, "protocol"),
        "junk behind": (pickle_of(b"N") + b"\xff\xfe\xfd junk", UNKNOWN, "no pickle"),
        "memo of 16 GiB": (
            pickle_of(b"Nr" + struct.pack("<I", 0x7FFFFFFF)),
            UNKNOWN,
            "memo",
        ),
        "bytes of 8 EiB": (
            proto(4) + b"\x8e" + struct.pack("<Q", 1 << 62) + b"x.",
            UNKNOWN,
            "fewer left",
        ),
        "frame of 8 EiB": (
            proto(4) + b"\x95" + struct.pack("<Q", 1 << 62) + b"N.",
            UNKNOWN,
            "fewer left",
        ),
        "too many opcodes": (proto(4) + b"N0" * 150_000 + b"N.", UNKNOWN, "budget"),
        "deep key": (pickle_of(b"})" + b"\x85" * 5000 + b"Ns"), UNKNOWN, "nested"),
        "deep member": (pickle_of(b"\x8f()" + b"\x85" * 5000 + b"\x90"), UNKNOWN, "nested"),
        "random bytes": (bytes(range(200, 256)) * 20, UNKNOWN, "not known"),
        "a program": (b"\x7fELF" + b"\0" * 60, UNKNOWN, "program"),
        "HDF5": (b"\x89HDF\r\n\x1a\n" + b"\0" * 60, UNKNOWN, "HDF5"),
    }


def abused() -> dict[str, Case]:
    """Trusted names in uses that honest files never make of them."""
    lgbm, booster = named("lightgbm.sklearn", "LGBMRegressor"), named("lightgbm.basic", "Booster")
    ordered = named("collections", "OrderedDict")
    bits = named("numpy.random._pickle", "__bit_generator_ctor")
    generator = named("numpy.random._pickle", "__generator_ctor")
    reconstruct = named("numpy.core.multiarray", "_reconstruct")
    ndarray = named("numpy", "ndarray")
    frombuffer = named("numpy.core.numeric", "_frombuffer")
    empty = call(reconstruct, ndarray, items(b"K\x00"), raw(b"b"))
    references = dtype("O8", "|", 63)

    def void(names: bytes, fields: bytes, subarray: bytes, size: int, flags: int) -> bytes:
        """State of a dtype with fields or a subarray."""
        head = (b"K\x03", text("|"), subarray, names, fields)
        return items(*head, number(size), number(1), b"K" + bytes((flags,)))

    into_references = void(items(text("a")), pairs(a=items(references, b"K\x00")), b"N", 8, 27)
    planted = pairs(__setstate__=named("builtins", "str"))
    return {
        "class changed": (
            pickle_of(SCALER + items(b"N", pairs(fit=text("x"))) + b"b"),
            UNSAFE,
            "itself",
        ),
        "setstate planted": (
            pickle_of(new(SCALER) + planted + b"b" + text("x") + b"b"),
            UNSAFE,
            "__setstate__",
        ),
        "class replaced": (
            pickle_of(new(SCALER) + items(b"N", pairs(__class__=SCALER)) + b"b"),
            UNSAFE,
            "__class__",
        ),
        "append planted": (
            pickle_of(
                new(SCALER) + pairs(append=named("builtins", "str")) + b"b" + text("x") + b"a"
            ),
            UNKNOWN,
            "append",
        ),
        "state as pairs": (
            pickle_of(new(lgbm) + b"](" + items(text("__setstate__"), b"N") + b"eb"),
            UNKNOWN,
            "no dict",
        ),
        "state as an ordered dict": (
            pickle_of(new(SCALER) + call(ordered) + text("__setstate__") + b"Nsb"),
            UNKNOWN,
            "no dict",
        ),
        "attribute of undecided name": (
            pickle_of(new(SCALER) + b"}" + call(ordered) + b"Nsb"),
            UNKNOWN,
            "cannot be decided",
        ),
        "items of a class": (pickle_of(SCALER + text("x") + b"Ns"), UNKNOWN, "not known"),
        "items of an instance": (pickle_of(new(SCALER) + text("x") + b"Ns"), UNKNOWN, "no dict"),
        "constructor of an estimator": (pickle_of(call(SCALER, text("x"))), UNKNOWN, "arguments"),
        "function called as a class": (pickle_of(new(reconstruct)), UNKNOWN, "bare"),
        "named only, called": (pickle_of(call(ndarray, number(9))), UNKNOWN, "referred to"),
        "bytes of a size": (
            pickle_of(call(named("builtins", "bytearray"), number(10**12))),
            UNKNOWN,
            "size",
        ),
        "array of a size": (
            pickle_of(call(reconstruct, ndarray, items(number(10**12)), raw(b"b"))),
            UNKNOWN,
            "shape",
        ),
        "references from raw bytes": (
            pickle_of(
                call(reconstruct, ndarray, items(b"K\x00"), raw(b"b"))
                + items(b"K\x01", items(b"K\x01"), dtype("O8", "|", 63), b"\x89", raw(b"A" * 8))
                + b"b"
            ),
            UNKNOWN,
            "references",
        ),
        "references behind false flags": (
            pickle_of(
                call(
                    named("numpy.core.numeric", "_frombuffer"),
                    raw(b"A" * 8),
                    dtype("O8", "|", 0),
                    items(b"K\x01"),
                    text("C"),
                )
            ),
            UNKNOWN,
            "flags",
        ),
        "dtype changed under an array": (
            pickle_of(
                bare_dtype("V8")
                + b"q\x07"
                + call(frombuffer, raw(b"A" * 8), b"h\x07", items(b"K\x01"), text("C"))
                + b"h\x07"
                + into_references
                + b"b"
            ),
            UNKNOWN,
            "after it was used",
        ),
        "dtype changed under a wrapped array": (
            proto(4)
            + new(named("joblib.numpy_pickle", "NumpyArrayWrapper"))
            + pairs(
                subclass=ndarray, shape=items(b"K\x01"), order=text("C"), dtype=bare_dtype("V8")
            ).replace(bare_dtype("V8"), bare_dtype("V8") + b"q\x07")
            + b"b"
            + b"A" * 8
            + b"h\x07"
            + into_references
            + b"b.",
            UNKNOWN,
            "after it was used",
        ),
        "dtype built twice": (
            pickle_of(
                dtype("V8", "|").replace(number(-1) * 2, number(8) + number(1))
                + into_references
                + b"b"
            ),
            UNKNOWN,
            "twice",
        ),
        "fields of a float": (
            pickle_of(bare_dtype("f8") + into_references + b"b"),
            UNKNOWN,
            "fields",
        ),
        "subarray larger than its dtype": (
            pickle_of(
                bare_dtype("V8")
                + void(b"N", b"N", items(dtype(), items(number(1000))), 8, 0)
                + b"b"
            ),
            UNKNOWN,
            "another size",
        ),
        "fields past the end of their dtype": (
            pickle_of(
                bare_dtype("V8")
                + void(items(text("a")), pairs(a=items(dtype(), number(4000))), b"N", 8, 0)
                + b"b"
            ),
            UNKNOWN,
            "refuses",
        ),
        "fewer references than the shape needs": (
            pickle_of(empty + items(b"K\x01", items(number(9)), references, b"\x89", b"]") + b"b"),
            UNKNOWN,
            "another number",
        ),
        "array given a state twice": (
            pickle_of(
                empty
                + items(b"K\x01", items(b"K\x01"), dtype(), b"\x89", raw(b"A" * 8))
                + b"b"
                + items(b"K\x01", items(b"K\x01"), dtype(), b"\x89", raw(b"B" * 8))
                + b"b"
            ),
            UNKNOWN,
            "twice",
        ),
        "array over another array": (
            pickle_of(
                call(
                    frombuffer,
                    empty
                    + items(b"K\x01", items(b"K\x01"), dtype(), b"\x89", raw(b"A" * 8))
                    + b"b",
                    dtype(),
                    items(b"K\x01"),
                    text("C"),
                )
            ),
            UNKNOWN,
            "else than bytes",
        ),
        "ndarray by an index's constructor": (
            pickle_of(
                call(
                    named("pandas.core.indexes.base", "_new_Index"),
                    ndarray,
                    pairs(shape=items(b"K\x01"), dtype=dtype("O8", "|", 63), buffer=raw(b"A" * 8)),
                )
            ),
            UNKNOWN,
            "own package",
        ),
        "generator by another constructor": (
            pickle_of(call(generator, text("x"), named("builtins", "bytearray"))),
            UNKNOWN,
            "call what it is given",
        ),
        "generator by a harmful constructor": (
            pickle_of(call(generator, text("x"), named("os", "system"))),
            UNSAFE,
            "os.system",
        ),
        "bits of a class": (pickle_of(call(bits, SCALER)), UNKNOWN, "given more"),
        "reconstructor of a function": (
            pickle_of(
                call(
                    named("copyreg", "_reconstructor"),
                    reconstruct,
                    named("builtins", "object"),
                    b"N",
                )
            ),
            UNKNOWN,
            "inert",
        ),
        "decompressing codec": (
            pickle_of(call(named("_codecs", "encode"), text("x"), text("zlib_codec"))),
            UNKNOWN,
            "codec",
        ),
        "factory that is called": (
            pickle_of(call(named("collections", "defaultdict"), SCALER)),
            UNKNOWN,
            "factory",
        ),
        "native handle of LightGBM": (
            pickle_of(new(booster) + pairs(handle=number(0x41414141)) + b"b"),
            UNKNOWN,
            "handle",
        ),
        "packed by a function": (
            pickle_of(call(named("array", "array"), SCALER)),
            UNKNOWN,
            "a code and numbers",
        ),
        "errors of a class": (
            pickle_of(call(named("builtins", "ExceptionGroup"), text("x"), b"]" + SCALER + b"a")),
            UNKNOWN,
            "more than exceptions",
        ),
        "a frame of polars by attributes": (
            pickle_of(new(named("polars.series.series", "Series")) + pairs(_s=text("x")) + b"b"),
            UNKNOWN,
            "no bytes of Arrow",
        ),
        "a holder that is given something": (
            pickle_of(call(named("random", "Random"), SCALER)),
            UNKNOWN,
            "takes arguments",
        ),
        "a holder with a planted method": (
            pickle_of(
                new(named("random", "Random")) + pairs(__setstate__=named("numpy", "mean")) + b"b"
            ),
            UNSAFE,
            "__setstate__",
        ),
        "a law with a planted text": (
            pickle_of(
                new(named("scipy.stats._continuous_distns", "rv_histogram"))
                + pairs(_parse_arg_template=text("import os"))
                + b"b"
            ),
            UNSAFE,
            "text that is executed",
        ),
        "a law with a planted method": (
            pickle_of(
                new(named("scipy.stats._continuous_distns", "rv_histogram"))
                + pairs(_hpdf=named("numpy", "mean"))
                + b"b"
            ),
            UNKNOWN,
            "_hpdf",
        ),
        "native handle of XGBoost": (
            pickle_of(new(named("xgboost.core", "Booster")) + pairs(handle=number(1)) + b"b"),
            UNKNOWN,
            "handle",
        ),
        "tensor hooks": (
            pickle_of(
                call(
                    named("torch._utils", "_rebuild_tensor_v2"),
                    b"N",
                    b"N",
                    b"N",
                    b"N",
                    b"\x89",
                    pairs(hook=named("numpy", "mean")),
                )
            ),
            UNKNOWN,
            "hooks",
        ),
        "array of another file": (
            pickle_of(
                new(named("joblib.numpy_pickle", "NDArrayWrapper"))
                + pairs(filename=text("../../x.npy"))
                + b"b"
            ),
            UNKNOWN,
            "another file",
        ),
    }


def nested() -> dict[str, Case]:
    """A harmful pickle within a harmless one."""
    eight = struct.pack("<d", 1.0)
    aligned = wrapper(1, alignment=16) + b"\x02\xff\xff" + eight
    as_opcodes = b"0" + system() + b"0N."
    padded = as_opcodes.ljust(-(-len(as_opcodes) // 8) * 8, b"\0")
    frame = wrapper(1)
    return {
        "bytes given to loads": (
            pickle_of(call(named("pickle", "loads"), raw(EVIL))),
            UNSAFE,
            "os.system",
        ),
        "bytes in a dict": (pickle_of(pairs(model=raw(EVIL))), UNSAFE, "os.system"),
        "bytes written as text": (
            pickle_of(
                call(named("_codecs", "encode"), text(EVIL.decode("latin-1")), text("latin1")), 2
            ),
            UNSAFE,
            "os.system",
        ),
        "bytes in bytes": (pickle_of(raw(pickle_of(raw(EVIL)))), UNSAFE, "os.system"),
        "second pickle": (pickle_of(b"N") + EVIL, UNSAFE, "os.system"),
        "third pickle": (pickle_of(b"N") * 2 + EVIL, UNSAFE, "os.system"),
        "behind an array": (
            proto(4) + b"](" + wrapper(1) + eight + system() + b"e.",
            UNSAFE,
            "os.system",
        ),
        "behind an aligned array": (
            proto(4) + b"](" + aligned + system() + b"e.",
            UNSAFE,
            "os.system",
        ),
        "second pickle behind an array": (
            pickle_of(wrapper(1) + eight) + EVIL,
            UNSAFE,
            "os.system",
        ),
        "array that pickle.load reads as opcodes": (
            proto(4) + wrapper(len(padded) // 8) + padded + b".",
            UNSAFE,
            "os.system",
        ),
        "array of references": (
            proto(4) + wrapper(1, dtype("O8", "|", 63)) + EVIL + b".",
            UNSAFE,
            "os.system",
        ),
        "array within a frame": (
            proto(4) + b"\x95" + struct.pack("<Q", len(frame) + 9) + frame + eight + b".",
            UNKNOWN,
            "frame",
        ),
        "array without length": (
            proto(4) + wrapper(-1) + eight + b".",
            UNKNOWN,
            "lengths",
        ),
        "npy of references": (npy_objects(EVIL), UNSAFE, "os.system"),
        "npy behind another": (npy([1.0]) + npy_objects(EVIL), UNSAFE, "os.system"),
    }


def _zip(members: dict[str, bytes], *, deflate: bool = False) -> bytes:
    buffer = io.BytesIO()
    kind = zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _twice(name: str, first: bytes, second: bytes) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w") as archive:
        warnings.simplefilter("ignore")
        archive.writestr(name, first)
        archive.writestr(name, second)
    return buffer.getvalue()


def _tar(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def _other_name(content: bytes, old: bytes, other: bytes) -> bytes:
    """The header before the file says another name than the directory."""
    return content.replace(old, other, 1)


def packed() -> dict[str, Case]:
    """In compressed files and archives of every kind."""
    torch = {"archive/data.pkl": EVIL, "archive/version": b"3\n"}
    skops = {
        "__class__": "system",
        "__module__": "os",
        "__loader__": "FunctionNode",
        "content": {"module_path": "os", "function": "system"},
        "protocol": 2,
    }
    lambda_layer = {"class_name": "Lambda", "module": "keras.layers", "config": {}}
    zfile = b"ZF" + hex(len(EVIL)).encode().ljust(19) + zlib.compress(EVIL)
    good = pickle_of(b"N")
    return {
        "zlib": (zlib.compress(EVIL), UNSAFE, "os.system"),
        "gzip": (gzip.compress(EVIL), UNSAFE, "os.system"),
        "gzip, second member": (gzip.compress(good) + gzip.compress(EVIL), UNSAFE, "os.system"),
        "bz2": (bz2.compress(EVIL), UNSAFE, "os.system"),
        "xz": (lzma.compress(EVIL), UNSAFE, "os.system"),
        "lzma": (lzma.compress(EVIL, lzma.FORMAT_ALONE), UNSAFE, "os.system"),
        "old joblib": (zfile, UNSAFE, "os.system"),
        "pickle that begins like bz2": (
            b"BZ\0\0\0" + b"x" * 0x5A + b"0" + system() + b".",
            UNSAFE,
            "os.system",
        ),
        "protocol 0 in gzip": (gzip.compress(b"cos\nsystem\n(S'x'\ntR."), UNSAFE, "os.system"),
        "junk behind gzip": (gzip.compress(good) + b"junk", UNKNOWN, "none of it"),
        "truncated gzip": (
            gzip.compress(pickle_of(raw(bytes(range(256)) * 9)))[:-200],
            UNKNOWN,
            "end",
        ),
        "damaged xz": (lzma.compress(good)[:20] + b"\xff" * 40, UNKNOWN, "damaged"),
        "compressed twice": (gzip.compress(gzip.compress(EVIL)), UNKNOWN, "twice"),
        "zlib bomb": (zlib.compress(pickle_of(raw(bytes(16 << 20)))), UNKNOWN, "budget"),
        "lzma bomb": (lzma.compress(pickle_of(raw(bytes(16 << 20)))), UNKNOWN, "budget"),
        "bz2 bomb": (bz2.compress(pickle_of(raw(bytes(16 << 20)))), UNKNOWN, "budget"),
        "npz of references": (_zip({"a.npy": npy_objects(EVIL)}), UNSAFE, "os.system"),
        "npz, second array": (
            _zip({"a.npy": npy([1.0]), "b.npy": npy_objects(EVIL)}, deflate=True),
            UNSAFE,
            "os.system",
        ),
        "npz bomb": (
            _zip({"a.npy": npy(bytes(1)), "b": bytes(16 << 20)}, deflate=True),
            UNKNOWN,
            "budget",
        ),
        "zip of a pickle": (_zip({"model.bin": EVIL}), UNSAFE, "os.system"),
        "zip in a zip": (_zip({"inner.zip": _zip({"model": EVIL})}), UNSAFE, "os.system"),
        "torch": (_zip(torch), UNSAFE, "os.system"),
        "torch, other pickle": (
            _zip({"archive/data.pkl": good, "archive/extra/hook.pkl": EVIL}),
            UNSAFE,
            "os.system",
        ),
        "torch, persistent object": (
            _zip({"archive/data.pkl": pickle_of(items(text("module"), text("x")) + b"Q")}),
            UNKNOWN,
            "names no storage",
        ),
        "torchscript": (
            _zip({"m/data.pkl": good, "m/code/__torch__.py": b"def f(): pass"}),
            UNKNOWN,
            "TorchScript",
        ),
        "two members of one name": (_twice("archive/data.pkl", EVIL, good), UNKNOWN, "two members"),
        "member of two names": (
            _other_name(_zip({"weights.txt": b"1"}), b"weights.txt", b"payload.pkl"),
            UNKNOWN,
            "another name",
        ),
        "member outside": (_zip({"../../x.txt": b"1"}), UNKNOWN, "outside"),
        "skops and torch at once": (
            _zip({"schema.json": b"{}", **torch}),
            UNSAFE,
            "os.system",
        ),
        "skops": (_zip({"schema.json": json.dumps(skops).encode()}), UNSAFE, "os.system"),
        "skops method": (
            _zip(
                {
                    "schema.json": json.dumps(
                        {"__class__": "Engine", "__module__": "engine", "__loader__": "MethodNode"}
                    ).encode()
                }
            ),
            UNKNOWN,
            "method",
        ),
        "keras lambda": (
            _zip({"config.json": json.dumps(lambda_layer).encode(), "metadata.json": b"{}"}),
            UNSAFE,
            "Lambda",
        ),
        "keras, class of its own": (
            _zip(
                {
                    "config.json": json.dumps({"class_name": "Head", "module": "engine"}).encode(),
                    "metadata.json": b"{}",
                }
            ),
            UNKNOWN,
            "engine.Head",
        ),
        "tar": (_tar("model.pkl", EVIL), UNSAFE, "os.system"),
        "tar in gzip": (gzip.compress(_tar("model.pkl", EVIL)), UNSAFE, "os.system"),
        "tar whose first name is a pickle": (
            _tar("cos\nsystem\n(S'x'\ntR.", b"harmless"),
            UNSAFE,
            "os.system",
        ),
        "yaml": (b"a: 1\nb: !!python/object/apply:os.system ['x']\n", UNSAFE, "os.system"),
        "yaml, tag of its own": (b"a: !engine.Model {x: 1}\n", UNKNOWN, "engine.Model"),
    }


def admitted() -> dict[str, Case]:
    """Names that honest files need, put to other uses."""
    getattr_, zone = named("builtins", "getattr"), named("zoneinfo", "ZoneInfo")
    normal = named("scipy.stats._continuous_distns", "norm_gen")
    parser = "\ndef _parse_args(self, loc=0, scale=1):\n    return (), loc, scale\n\n"

    def state_of(target: bytes, **attributes: bytes) -> bytes:
        return pickle_of(new(target) + pairs(**attributes) + b"b")

    return {
        "getattr of something else": (
            pickle_of(call(getattr_, named("os", "path"), text("join"))),
            UNSAFE,
            "may reach anything",
        ),
        "getattr that reads a file": (
            pickle_of(call(getattr_, zone, text("from_file"))),
            UNSAFE,
            "may reach anything",
        ),
        "getattr that is kept": (pickle_of(b"]" + getattr_ + b"a"), UNSAFE, "is kept"),
        "getattr in the memo, called and kept": (
            pickle_of(call(getattr_ + b"\x94", zone, text("_unpickle")) + b"0h\x00"),
            UNSAFE,
            "is kept",
        ),
        "getattr given to a factory": (
            pickle_of(call(named("collections", "defaultdict"), getattr_)),
            UNSAFE,
            "getattr",
        ),
        "getattr built bare": (pickle_of(new(getattr_, zone, text("x"))), UNSAFE, "is kept"),
        "type that makes a class": (
            pickle_of(call(named("builtins", "type"), text("x"), items(), b"}")),
            UNSAFE,
            "would make a class",
        ),
        "type of a value": (
            pickle_of(call(named("builtins", "type"), text("x"))),
            UNSAFE,
            "would make a class",
        ),
        "zone outside its folders": (
            pickle_of(call(named("zoneinfo", "ZoneInfo._unpickle"), text("../../x"), b"\x88")),
            UNKNOWN,
            "no key of a zone",
        ),
        "zone by name": (pickle_of(call(zone, text("UTC"))), UNKNOWN, "is called"),
        "members of a new enumeration": (
            pickle_of(call(named("http", "HTTPStatus"), text("x"), text("A B"))),
            UNKNOWN,
            "more than the value",
        ),
        "a long pattern": (
            pickle_of(call(named("re", "_compile"), text("(a?)" * 2000), number(0))),
            UNKNOWN,
            "short pattern",
        ),
        "text of a distribution": (
            state_of(normal, _parse_arg_template=text("import os; os.system('x')")),
            UNSAFE,
            "__code__",
        ),
        "text of a distribution, with more behind": (
            state_of(normal, _parse_arg_template=text(parser + "import os\n")),
            UNSAFE,
            "__code__",
        ),
        "a default of a distribution": (
            state_of(normal, _parse_arg_template=text(parser.replace("loc=0", "loc=exit()", 1))),
            UNSAFE,
            "__code__",
        ),
        "a method of a distribution": (
            state_of(normal, _attach_argparser_methods=named("numpy", "log")),
            UNKNOWN,
            "which no distribution has",
        ),
        "an old state of a distribution": (
            pickle_of(new(normal) + items(b"}", b"N") + b"b"),
            UNKNOWN,
            "no dict",
        ),
        "a distribution called": (pickle_of(call(normal, number(1))), UNKNOWN, "takes arguments"),
        "vectorize called": (
            pickle_of(call(named("numpy", "vectorize"), named("numpy", "log"))),
            UNKNOWN,
            "takes arguments",
        ),
        "vectorize asked": (
            pickle_of(call(new(named("numpy", "vectorize")), text("x"))),
            UNKNOWN,
            "computed while loading",
        ),
        "exception with a method": (
            pickle_of(
                call(named("builtins", "ValueError"), text("x"))
                + pairs(__setstate__=named("numpy", "log"))
                + b"b"
            ),
            UNSAFE,
            "sets __setstate__",
        ),
        "an index of another class": (
            pickle_of(
                call(
                    named("pandas.core.indexes.interval", "_new_IntervalIndex"),
                    named("numpy", "ndarray"),
                    b"}",
                )
            ),
            UNKNOWN,
            "class of its own package",
        ),
        "formula of statsmodels": (
            state_of(
                named("statsmodels.base.data", "PandasData"),
                restore_model_spec=b"\x88",
                formula=text("y ~ __import__('os').system('x')"),
            ),
            UNKNOWN,
            "evaluates its formula",
        ),
    }


CASES: dict[str, Case] = {
    **admitted(),
    **harmful_names(),
    **unknown_names(),
    **spellings(),
    **undecidable(),
    **abused(),
    **nested(),
    **packed(),
}
