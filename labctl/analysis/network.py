"""A binarized neural network whose last layer may hold bit errors (paper, section 3.1, Fig. 4e-f).

Weights and activations are bits: 1 stands for +1, 0 for -1. The network takes grey values as they
are; each hidden neuron compares its sum with a threshold, the last layer's largest sum names the
class.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class HiddenLayer:
    """``weights`` (neurons, inputs) bits; a neuron gives 1 from ``thresholds`` (neurons,) on."""

    weights: Bits
    thresholds: NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class BinarizedNetwork:
    """Hidden layers, last layer (classes, inputs), and the images that it was tested on."""

    hidden: tuple[HiddenLayer, ...]
    last: Bits
    images: Bits
    """(images, pixels) grey values, none of them used in training."""
    labels: Bits
    """(images,) the class of each."""

    def activations(self) -> NDArray[np.int32]:
        """What reaches the last layer from the test images: (images, inputs), -1 or +1."""
        values = self.images.astype(np.int32)
        for layer in self.hidden:
            sums = values @ signs(layer.weights).T
            values = np.where(sums >= layer.thresholds, np.int32(1), np.int32(-1))
        return values

    def save(self, file: Path) -> None:
        """Write a ``.npz`` of packed bits."""
        arrays: dict[str, NDArray[np.generic]] = {
            "images": self.images,
            "labels": self.labels,
            "last": np.packbits(self.last, axis=1),
            "inputs": np.array([layer.weights.shape[1] for layer in self.hidden]),
        }
        for number, layer in enumerate(self.hidden):
            arrays[f"weights_{number}"] = np.packbits(layer.weights, axis=1)
            arrays[f"thresholds_{number}"] = layer.thresholds
        # Its keywords are the names; the stub also has `allow_pickle` among them.
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, file: Path) -> BinarizedNetwork:
        """Read what `save` wrote."""
        with np.load(file, allow_pickle=False) as stored:
            hidden = tuple(
                HiddenLayer(
                    np.unpackbits(stored[f"weights_{number}"], axis=1, count=int(inputs)),
                    stored[f"thresholds_{number}"],
                )
                for number, inputs in enumerate(stored["inputs"])
            )
            inputs = hidden[-1].thresholds.size
            last = np.unpackbits(stored["last"], axis=1, count=inputs)
            return cls(hidden, last, stored["images"], stored["labels"])


def signs(bits: Bits) -> NDArray[np.int32]:
    """Bits as -1 and +1.

    >>> signs(np.array([0, 1], np.uint8)).tolist()
    [-1, 1]
    """
    return 2 * bits.astype(np.int32) - 1


def right_answers(activations: NDArray[np.int32], last: Bits, labels: Bits) -> int:
    """Images that a last layer (classes, inputs) of bits names rightly; of equal sums the first.

    >>> activations = np.array([[1, 1, -1], [-1, -1, -1]], np.int32)
    >>> last = np.array([[1, 1, 0], [0, 0, 0]], np.uint8)
    >>> right_answers(activations, last, labels=np.array([0, 1], np.uint8))
    2
    >>> right_answers(activations, 1 - last, labels=np.array([0, 1], np.uint8))
    0
    """
    # Sums of up to 2**24 signs are exact in single precision, whose product is much faster.
    sums = activations.astype(np.float32) @ signs(last).astype(np.float32).T
    return int(np.count_nonzero(sums.argmax(axis=1) == labels))
