"""Which format a file has, by its bytes."""

import codecs
import re
import zlib
from contextlib import suppress

from audit_lib.subject.artifacts.artifact import Format

#: Leading bytes of whole-file compression; names as joblib uses them.
COMPRESSIONS: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    ("gzip", re.compile(rb"\x1f\x8b")),
    ("xz", re.compile(rb"\xfd7zXZ\x00")),
    ("lz4", re.compile(rb"\x04\x22\x4d\x18")),
    ("zstd", re.compile(rb"\x28\xb5\x2f\xfd")),
    # Stricter than joblib, which asks for "BZ" and "]\0" only: what follows decides whether
    # the bytes are a pickle that begins with BINBYTES, so a wrong guess would hide it.
    ("bz2", re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)", re.DOTALL)),
    ("lzma", re.compile(rb"\x5d\x00[\x00-\xff]{3}", re.DOTALL)),
    ("zfile", re.compile(rb"ZF0x[0-9a-f]")),
)
_MAGIC: tuple[tuple[bytes, Format], ...] = (
    (b"\x93NUMPY", Format.NPY),
    (b"PK\x03\x04", Format.ZIP),
    (b"PK\x05\x06", Format.ZIP),
    (b"PAR1", Format.PARQUET),
    (b"ARROW1\0\0", Format.ARROW),
    (b"CBM1", Format.CATBOOST),
    (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", Format.TORCH_LEGACY),
    (b"\x89HDF\r\n\x1a\n", Format.HDF5),
    (b"SQLite format 3\x00", Format.SQLITE),
    (b"\x7fELF", Format.PROGRAM),
    (b"MZ", Format.PROGRAM),
    (b"\xcf\xfa\xed\xfe", Format.PROGRAM),
    (b"\xca\xfe\xba\xbe", Format.PROGRAM),
    (b"#!", Format.PROGRAM),
)


def compression(head: bytes) -> str:
    """Name of the compression around the whole file, or ``""``."""
    for name, pattern in COMPRESSIONS:
        if pattern.match(head):
            return name
    return "zlib" if _is_zlib(head) else ""


def _is_zlib(head: bytes) -> bool:
    """True for the two bytes that begin zlib data, but for a text that begins so ("x ", "x^")."""
    if len(head) < 3 or head[0] != 0x78 or int.from_bytes(head[:2], "big") % 31:
        return False
    with suppress(zlib.error):
        zlib.decompressobj().decompress(head)
        return True
    return not is_text(head)  # damaged data are still to be told as such


def detect(head: bytes, size: int) -> Format:
    """The format of uncompressed bytes, from their beginning.

    Args:
        head: the first bytes, up to 8 KiB.
        size: how many bytes there are in all.
    """
    if not size:
        return Format.EMPTY
    for magic, format_ in _MAGIC:
        if head.startswith(magic):
            return format_
    if head[257:262] == b"ustar":
        return Format.TAR
    header_size = int.from_bytes(head[:8], "little")
    if len(head) > 9 and 2 <= header_size <= size - 8 and head[8:9] == b"{":
        return Format.SAFETENSORS
    if head[0] == 0x80 and len(head) > 1 and head[1] <= 5:
        return Format.PICKLE
    if not is_text(head):
        if re.match(rb"\{[LlUIi]", head):
            return Format.XGBOOST_UBJ
        # ModelProto in protobuf: field 1 (ir_version) as varint, then field 2 (producer) or 7, 8.
        onnx = re.match(rb"\x08[\x01-\x20](?:\x12|\x1a|\x22|\x28|\x32|\x3a|\x42)", head)
        return Format.ONNX if onnx else Format.UNKNOWN
    text = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if text.startswith(b"tree\n") or re.match(rb"tree\r?\nversion=v\d", text):
        return Format.LIGHTGBM
    return Format.JSON if text[:1] in (b"{", b"[") else Format.TEXT


def is_text(head: bytes) -> bool:
    """True if the bytes are UTF-8 (cut anywhere) without control characters."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    try:
        # Incremental, since the head may end within a character.
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return not re.search(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]", text)
