import numpy as np

from nas.architecture import Architecture
from nas.network import initialise
from nas.train import Dataset, Split, accuracy, logits
from nas.train.evaluate import in_batches


def test_logits_are_the_networks_in_evaluation(small: Architecture, digits: Dataset) -> None:
    network = initialise(small, 5)
    images = digits.test.images[:131]
    outputs = logits(network, images)
    network.eval()
    expected = network(images.astype(np.float32) / np.float32(127.5) - 1)
    assert outputs.shape == (131, 10)
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5)


def test_batches_have_one_shape_and_leave_nothing_out() -> None:
    images = np.arange(300, dtype=np.uint8)[:, None, None, None]
    shapes = []

    def predict(batch: np.ndarray) -> np.ndarray:
        shapes.append(batch.shape)
        return batch[:, 0, 0].astype(np.float32)

    assert np.array_equal(in_batches(predict, images)[:, 0], images[:, 0, 0, 0])
    assert len(shapes) == 3
    assert len(set(shapes)) == 1


def test_accuracy_is_the_share_of_right_answers(small: Architecture, digits: Dataset) -> None:
    network = initialise(small, 5)
    said = np.argmax(logits(network, digits.test.images), -1).astype(np.int32)
    wrong = np.where(np.arange(len(said)) < 90, (said + 1) % 10, said).astype(np.int32)
    assert accuracy(network, Split(digits.test.images, said)) == 1
    assert accuracy(network, Split(digits.test.images, wrong)) == 0.75
