"""JSON pointers (RFC 6901), and references: which file a pointer leads into."""


def pointer_to(*keys: str) -> str:
    """The pointer that leads through those keys; '' for none, which is the whole document."""
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)


def keys_of(pointer: str) -> list[str]:
    """The keys that a pointer leads through."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def split_reference(reference: str) -> tuple[str, str]:
    """File and pointer of a reference.

    >>> split_reference("/scaler/mad"), split_reference("scaler.json#/mad")
    (('', '/scaler/mad'), ('scaler.json', '/mad'))
    >>> split_reference("splits.json")
    ('splits.json', '')
    """
    if reference.startswith("/"):
        return "", reference
    file, _, pointer = reference.partition("#")
    return file, pointer
