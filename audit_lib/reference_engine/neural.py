"""A small neural head, stored as arrays and evaluated with NumPy.

One hidden layer of tanh units on scaled features; the output is the natural logarithm of the
annualised volatility.  scikit-learn trains it, but what is stored are plain arrays
(``hidden_weights``, ``hidden_bias``, ``output_weights``, ``output_bias``), so that any language
can serve it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .errors import ArtifactRefused, Refused
from .panel import Floats

HIDDEN_UNITS = 8
ARRAYS = ("hidden_weights", "hidden_bias", "output_weights", "output_bias")


@dataclass(frozen=True)
class Network:
    """Weights of the head.

    Attributes:
        hidden_weights: shape (d, h).
        hidden_bias: shape (h,).
        output_weights: shape (h, k).
        output_bias: shape (k,).
    """

    hidden_weights: Floats
    hidden_bias: Floats
    output_weights: Floats
    output_bias: Floats

    @classmethod
    def fit(cls, rows: Floats, log_volatility: Floats, seed: int) -> Network:
        """Train on scaled rows (n, d) and log volatilities (n,).

        Adam on mini-batches with an L2 penalty; the same seed gives the same weights.
        """
        from sklearn.neural_network import MLPRegressor

        model = MLPRegressor(
            hidden_layer_sizes=(HIDDEN_UNITS,),
            activation="tanh",
            alpha=1e-2,
            batch_size=512,
            learning_rate_init=5e-3,
            max_iter=12,
            tol=0.0,
            n_iter_no_change=100,
            random_state=seed,
        )
        import warnings

        with warnings.catch_warnings():  # a fixed number of passes is intended
            warnings.simplefilter("ignore")
            model.fit(np.clip(rows, -CLIP, CLIP), log_volatility)
        (hidden, output), (hidden_bias, output_bias) = model.coefs_, model.intercepts_
        return cls(hidden, hidden_bias, output, output_bias)

    def forward(self, rows: Floats) -> Floats:
        """Raw outputs for scaled rows (n, d), shape (n, k); a row with NaN gives NaN.

        Each row is summed by itself in a fixed order, so its answer does not depend on the batch
        it comes in, to the last bit.

        Raises:
            Refused: the rows do not have d columns.
        """
        if rows.ndim != 2 or rows.shape[1] != len(self.hidden_weights):
            raise Refused(f"neural head: wants (n, {len(self.hidden_weights)}), got {rows.shape}")
        clipped = np.clip(rows, -CLIP, CLIP)
        hidden = np.tanh(_row_wise(clipped, self.hidden_weights) + self.hidden_bias)
        return _row_wise(hidden, self.output_weights) + self.output_bias

    def arrays(self) -> dict[str, Floats]:
        """The weights by name, as stored."""
        return {name: getattr(self, name) for name in ARRAYS}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Floats]) -> Network:
        """The inverse of :meth:`arrays`.

        Raises:
            ArtifactRefused: an array is missing, unknown or not finite, or shapes do not fit each
                other.
        """
        odd = sorted(set(ARRAYS) ^ set(arrays))
        if odd:
            raise ArtifactRefused(f"neural head: arrays {odd} are missing or unknown")
        if not all(np.isfinite(array).all() for array in arrays.values()):
            raise ArtifactRefused("neural head: weights must be finite")
        network = cls(*(arrays[name] for name in ARRAYS))
        d_h, h, h_k, k = (array.shape for array in network.arrays().values())
        if len(d_h) != 2 or len(h_k) != 2 or h != d_h[1:] or h != h_k[:1] or k != h_k[1:]:
            raise ArtifactRefused(f"neural head: shapes {d_h}, {h}, {h_k}, {k} do not fit")
        return network


CLIP = 8.0  # scaled inputs beyond this say "extreme" and no more


def _row_wise(rows: Floats, weights: Floats) -> Floats:
    total = np.zeros((len(rows), weights.shape[1]))
    for column, weight in zip(rows.T, weights, strict=True):
        total += column[:, None] * weight
    return total
