"""Train the binarized network whose last layer ships as `digits-last-layer.npy`.

    python -m pip install -e ".[train]"
    python data/patterns/train_digits.py FOLDER

Data: scikit-learn's `load_digits`, 1,797 images of 8 x 8 pixels. Network: as the paper's for MNIST,
two hidden layers of 1,024 neurons (section 3.2), with binary weights and activations. Training:
real-valued weights behind each sign, straight-through estimator, batch normalization, Adam; after
training each neuron's normalization becomes one whole-number threshold. The number of epochs was
fixed beforehand: no result on the test images chose anything.

Repeatable on one machine with the same versions, on one core: another order of sums rounds
differently and ends in other weights. It writes the last layer, the whole network and
`digits.toml`, which says what they are.
"""

from __future__ import annotations

import hashlib
import platform
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.network import BinarizedNetwork, HiddenLayer, right_answers

Floats = NDArray[np.float32]

SEED = 1908
TEST_IMAGES = 450
HIDDEN = (1024, 1024)
CLASSES = 10
EPOCHS = 100
BATCH = 64
LEARNING_RATE = 3e-3
EPSILON = 1e-4

DATA_SET = (
    "Optical Recognition of Handwritten Digits (Alpaydin and Kaynak, UCI, CC BY 4.0), as "
    "scikit-learn's load_digits ships it: 1797 images, 8 x 8, 17 grey levels"
)

LAST_LAYER = "digits-last-layer.npy"
NETWORK = "digits-network.npz"
SIDECAR = "digits.toml"


@dataclass
class Layer:
    """Real-valued weights (neurons, inputs), and scale and shift of the normalization."""

    weights: Floats
    scale: Floats
    shift: Floats


class Adam:
    """The usual optimizer; the weights are kept within -1 and 1, where the sign can still turn."""

    def __init__(self, parameters: list[Floats]) -> None:
        self.parameters = parameters
        self.mean = [np.zeros_like(one) for one in parameters]
        self.square = [np.zeros_like(one) for one in parameters]
        self.count = 0

    def step(self, gradients: list[Floats], rate: float) -> None:
        """Move every parameter along its gradient."""
        self.count += 1
        rate *= np.sqrt(1 - 0.999**self.count) / (1 - 0.9**self.count)
        for one, slope, mean, square in zip(
            self.parameters, gradients, self.mean, self.square, strict=True
        ):
            mean += 0.1 * (slope - mean)
            square += 0.001 * (slope**2 - square)
            one -= rate * mean / (np.sqrt(square) + 1e-8)
            if one.ndim == 2:
                np.clip(one, -1, 1, out=one)


def sign(values: Floats) -> Floats:
    """-1 or +1; 0 counts as +1."""
    return np.where(values >= 0, np.float32(1), np.float32(-1))


def split(labels: NDArray[np.uint8]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Which images train and which test: a permutation drawn with the seed."""
    order = np.random.default_rng(SEED).permutation(len(labels))
    return order[TEST_IMAGES:], order[:TEST_IMAGES]


def train(images: Floats, labels: NDArray[np.uint8]) -> list[Layer]:
    """Layers after all epochs; ``images`` (n, pixels), ``labels`` (n,)."""
    rng = np.random.default_rng(SEED + 1)
    sizes = (images.shape[1], *HIDDEN, CLASSES)
    layers = [
        Layer(
            rng.uniform(-0.1, 0.1, (neurons, inputs)).astype(np.float32),
            np.ones(neurons, np.float32),
            np.zeros(neurons, np.float32),
        )
        for inputs, neurons in pairwise(sizes)
    ]
    hidden = layers[:-1]
    parameters = [one.weights for one in layers]
    parameters += [one.scale for one in hidden] + [one.shift for one in hidden]
    adam = Adam(parameters)
    for epoch in range(EPOCHS):
        rate = LEARNING_RATE * 0.5 * (1 + np.cos(np.pi * epoch / EPOCHS))
        order = rng.permutation(len(images))
        for begin in range(0, len(order), BATCH):
            batch = order[begin : begin + BATCH]
            adam.step(gradients(layers, images[batch], labels[batch]), rate)
    return layers


def gradients(layers: list[Layer], images: Floats, labels: NDArray[np.uint8]) -> list[Floats]:
    """Gradients of the cross-entropy, in the order of the parameters."""
    hidden, last = layers[:-1], layers[-1]
    values, kept = images, []
    for layer in hidden:
        sums = values @ sign(layer.weights).T
        spread = np.sqrt(sums.var(axis=0) + EPSILON)
        normal = (sums - sums.mean(axis=0)) / spread
        before = normal * layer.scale + layer.shift
        kept.append((values, normal, spread, before))
        values = sign(before)
    softness = np.float32(np.sqrt(values.shape[1]))
    scores = values @ sign(last.weights).T / softness
    scores -= scores.max(axis=1, keepdims=True)
    shares = np.exp(scores)
    shares /= shares.sum(axis=1, keepdims=True)
    shares[np.arange(len(labels)), labels] -= 1
    slope = shares / (len(labels) * softness)
    weight_slopes = [slope.T @ values]
    scale_slopes, shift_slopes = [], []
    back = slope @ sign(last.weights)
    for layer, (values, normal, spread, before) in zip(
        reversed(hidden), reversed(kept), strict=True
    ):
        # Straight through the sign, where its input is small enough for it to turn.
        back = back * (np.abs(before) <= 1)
        scale_slopes.append((back * normal).sum(axis=0))
        shift_slopes.append(back.sum(axis=0))
        back = back * layer.scale
        back = (back - back.mean(axis=0) - normal * (back * normal).mean(axis=0)) / spread
        weight_slopes.append(back.T @ values)
        back = back @ sign(layer.weights)
    return weight_slopes[::-1] + scale_slopes[::-1] + shift_slopes[::-1]


def fold(layers: list[Layer], images: Floats) -> tuple[tuple[HiddenLayer, ...], NDArray[np.uint8]]:
    """Hidden layers with thresholds, and the bits of the last layer.

    The normalization takes mean and spread of all training images. A neuron with a negative scale
    fires below its threshold: its weights and sums are inverted.
    """
    values, folded = images, []
    for layer in layers[:-1]:
        weights = sign(layer.weights)
        sums = values @ weights.T
        spread = np.sqrt(sums.var(axis=0) + EPSILON)
        turn = sign(layer.scale)
        weights = weights * turn[:, np.newaxis]
        level = turn * (sums.mean(axis=0) - layer.shift * spread / layer.scale)
        thresholds = np.ceil(level).astype(np.int32)
        folded.append(HiddenLayer((weights > 0).astype(np.uint8), thresholds))
        values = sign(values @ weights.T - thresholds.astype(np.float32))
    return tuple(folded), (sign(layers[-1].weights) > 0).astype(np.uint8)


def sha256(file: Path) -> str:
    """Checksum of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def main(folder: Path) -> None:
    """Train, test, write the three files."""
    import sklearn
    from sklearn.datasets import load_digits
    from threadpoolctl import threadpool_limits

    digits = load_digits()
    images, labels = digits.data.astype(np.uint8), digits.target.astype(np.uint8)
    training, testing = split(labels)
    grey = images[training].astype(np.float32)
    with threadpool_limits(1):
        hidden, last = fold(train(grey, labels[training]), grey)
    network = BinarizedNetwork(hidden, last, images[testing], labels[testing])
    right = right_answers(network.activations(), last, network.labels)
    trained = BinarizedNetwork(hidden, last, images[training], labels[training])
    right_in_training = right_answers(trained.activations(), last, trained.labels)

    np.save(folder / LAST_LAYER, last)
    network.save(folder / NETWORK)
    sizes = [images.shape[1], *HIDDEN, CLASSES]
    (folder / SIDECAR).write_text(
        f"""\
# Written by train_digits.py together with the two files it describes.
last_layer = "{LAST_LAYER}"    # {CLASSES} x {HIDDEN[-1]} bits; 1 is weight +1, 0 is -1
last_layer_sha256 = "{sha256(folder / LAST_LAYER)}"
network = "{NETWORK}"    # all layers, and the test images
network_sha256 = "{sha256(folder / NETWORK)}"
layers = {sizes}

data_set = "{DATA_SET}"
split = "numpy default_rng(seed).permutation(1797): the first {TEST_IMAGES} test, the others train"
seed = {SEED}
epochs = {EPOCHS}

test_images = {TEST_IMAGES}
test_right = {right}
training_images = {len(training)}
training_right = {right_in_training}

[versions]
python = "{platform.python_version()}"
numpy = "{np.__version__}"
scikit-learn = "{sklearn.__version__}"
""",
        encoding="utf-8",
    )
    print(f"{right} of {TEST_IMAGES} test images named rightly")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
