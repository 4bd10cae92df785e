"""Which values of a head lie outside what its kind allows."""

import numpy as np
import pytest

from audit_lib.checks.head_mapping.decoded import _outside
from audit_lib.probes.prediction.heads import HeadKind

VALUES = np.array([-0.1, 0.0, 0.5, 1.0, 1.1, np.inf, np.nan])


@pytest.mark.parametrize("kind", HeadKind)
def test_values_outside_their_kind(kind):
    wrong = {
        HeadKind.PROBABILITY: [True, False, False, False, True, True, True],
        HeadKind.UNKNOWN: [False, False, False, False, False, False, True],
    }.get(kind, [False, False, False, False, False, True, True])
    assert _outside(VALUES, kind).tolist() == wrong
