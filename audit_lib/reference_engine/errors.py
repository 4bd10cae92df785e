"""What the engine raises when it declines an input on purpose.

Everything below :class:`Refused` is documented behaviour: the message says what was wrong and
what would be accepted.  Any other exception out of the engine is a bug.
"""

from __future__ import annotations


class Refused(ValueError):  # noqa: N818 - a refusal is an answer, not an error
    """The engine declines this input by design."""


class ArtifactRefused(Refused):
    """A stored file is missing, altered, or does not hold what the checkpoint promises."""


class RegistryRefused(Refused):
    """The registry declines: unknown version, name taken, or no version to offer."""
