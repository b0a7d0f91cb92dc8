import numpy as np
import pytest
import tensorflow as tf
import torch
from transformers import BertConfig
from transformers.loss import loss_utils

from porter.runtime import losses
from porter.runtime.losses import head_losses as heads
from porter.runtime.losses import loss_functions as functional
from tests.runtime.compare import assert_matches

RANDOM = np.random.default_rng(0)


def normal(*shape):
    return RANDOM.normal(size=shape).astype("float32")


def both(function, torch_function, *arrays, **options):
    """Value and gradient by the first array, eagerly and in a graph of unknown sizes, against PyTorch."""
    inputs = torch.tensor(arrays[0], requires_grad=True)
    tensors = [torch.tensor(each) for each in arrays[1:]]
    torch_options = {key: torch.tensor(v) if isinstance(v, np.ndarray) else v for key, v in options.items()}
    expected = torch_function(inputs, *tensors, **torch_options)
    expected.sum().backward()

    def value_and_gradient(first, *rest):
        with tf.GradientTape() as tape:
            tape.watch(first)
            value = function(first, *rest, **options)
        return value, tape.gradient(value, first)

    constants = [tf.constant(each) for each in arrays]
    unknown = [tf.TensorSpec([None] * each.ndim, each.dtype) for each in arrays]
    for call in (value_and_gradient, tf.function(value_and_gradient, input_signature=unknown)):
        value, gradient = call(*constants)
        assert_matches(value, expected)
        assert_matches(gradient, inputs.grad)


LABELS = np.array([3, -100, 0, 4, 1, -100, 2])


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy_of_classes(reduction, smoothing, weighted):
    weight = np.array([0.5, 2.0, 1.0, 0.1, 3.0], "float32") if weighted else None
    options = {"reduction": reduction, "label_smoothing": smoothing, "weight": weight}
    both(functional.cross_entropy, torch.nn.functional.cross_entropy, normal(7, 5), LABELS, **options)


def test_cross_entropy_of_pixels():
    labels = RANDOM.integers(0, 4, size=(2, 3, 5))
    labels[0, 1, 2] = 255
    both(functional.cross_entropy, torch.nn.functional.cross_entropy, normal(2, 4, 3, 5), labels, ignore_index=255)


def test_cross_entropy_of_probabilities():
    target = torch.softmax(torch.tensor(normal(7, 5)), -1).numpy()
    both(functional.cross_entropy, torch.nn.functional.cross_entropy, normal(7, 5), target, label_smoothing=0.1)


def test_nothing_but_ignored_targets_has_no_mean():
    loss = functional.cross_entropy(normal(2, 5), np.array([-100, -100]))
    assert np.isnan(loss)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"])
def test_distances(name, reduction):
    arrays = 2 * normal(4, 3), 2 * normal(4, 3)
    both(getattr(functional, name), getattr(torch.nn.functional, name), *arrays, reduction=reduction)


@pytest.mark.parametrize("beta", [0.3, 2.0])
def test_width_of_the_smooth_part(beta):
    arrays = normal(4, 3), normal(4, 3)
    both(functional.smooth_l1_loss, torch.nn.functional.smooth_l1_loss, *arrays, beta=beta)
    both(functional.huber_loss, torch.nn.functional.huber_loss, *arrays, delta=beta)


@pytest.mark.parametrize("options", [{}, {"pos_weight": np.array([1.0, 2.0, 0.5], "float32")}, {"reduction": "sum"}])
def test_binary_cross_entropy_with_logits(options):
    target = RANDOM.integers(0, 2, size=(4, 3)).astype("float32")
    name = "binary_cross_entropy_with_logits"
    both(getattr(functional, name), getattr(torch.nn.functional, name), normal(4, 3), target, **options)


def test_binary_cross_entropy_at_the_ends():
    probabilities = np.array([0.0, 1.0, 0.3], "float32")
    target = np.array([1.0, 0.0, 1.0], "float32")
    expected = torch.nn.functional.binary_cross_entropy(torch.tensor(probabilities), torch.tensor(target))
    assert_matches(functional.binary_cross_entropy(probabilities, target), expected)


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides:UserWarning")
@pytest.mark.parametrize("reduction", ["mean", "sum", "batchmean", "none"])
@pytest.mark.parametrize("log_target", [False, True])
def test_kl_div(reduction, log_target):
    inputs = torch.log_softmax(torch.tensor(normal(4, 3)), -1).numpy()
    target = torch.log_softmax(torch.tensor(normal(4, 3)), -1).numpy()
    target = target if log_target else np.exp(target)
    options = {"reduction": reduction, "log_target": log_target}
    both(functional.kl_div, torch.nn.functional.kl_div, inputs, target, **options)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("flat", [False, True])
def test_ctc(reduction, flat):
    log_probs = torch.log_softmax(torch.tensor(normal(9, 3, 5)), -1).numpy()
    targets = np.array([[1, 2, 2, 4], [3, 1, 0, 0], [1, 1, 1, 0]])
    input_lengths, target_lengths = np.array([9, 5, 8]), np.array([4, 2, 3])
    if flat:
        targets = np.concatenate([row[:length] for row, length in zip(targets, target_lengths, strict=True)])
    arrays = [log_probs, targets, input_lengths, target_lengths]
    expected = torch.nn.functional.ctc_loss(*map(torch.tensor, arrays), reduction=reduction)
    found = losses.CTCLoss(reduction=reduction)(*map(tf.constant, arrays))
    assert_matches(found, expected)


def test_ctc_without_room_for_the_target():
    arrays = [
        torch.log_softmax(torch.tensor(normal(2, 1, 5)), -1).numpy(),
        np.array([[1, 1, 2]]),
        np.array([2]),
        np.array([3]),
    ]
    for zero_infinity in (False, True):
        expected = torch.nn.functional.ctc_loss(*map(torch.tensor, arrays), zero_infinity=zero_infinity)
        assert_matches(losses.CTCLoss(zero_infinity=zero_infinity)(*map(tf.constant, arrays)), expected)


CRITERIA = [
    "BCELoss", "BCEWithLogitsLoss", "CTCLoss", "CrossEntropyLoss", "HuberLoss", "KLDivLoss", "L1Loss", "MSELoss",
    "NLLLoss", "SmoothL1Loss",
]  # fmt: skip


@pytest.mark.parametrize("name", CRITERIA)
def test_options_stand_in_torchs_order(name):
    import inspect

    expected = list(inspect.signature(getattr(torch.nn, name)).parameters)
    assert list(inspect.signature(getattr(losses, name)).parameters) == expected


@pytest.mark.parametrize("items", [None, 5])
@pytest.mark.parametrize("name", ["ForCausalLMLoss", "ForMaskedLMLoss"])
def test_language_model_losses(name, items):
    labels = RANDOM.integers(0, 11, size=(2, 6))
    labels[0, :3] = -100
    options = {"vocab_size": 11, "num_items_in_batch": items}
    both(getattr(heads, name), getattr(loss_utils, name), normal(2, 6, 11), labels, **options)


@pytest.mark.parametrize("kind", ["regression", "several regressions", "single", "multi", "unsaid"])
def test_sequence_classification(kind):
    count = 1 if kind == "regression" else 3
    types = {"several regressions": "regression", "multi": "multi_label_classification"}
    config = BertConfig(num_labels=count, problem_type=types.get(kind))
    labels = {
        "regression": normal(4),
        "several regressions": normal(4, 3),
        "multi": RANDOM.integers(0, 2, size=(4, 3)).astype("float32"),
    }.get(kind, np.array([0, 2, 1, 1]))
    both(
        lambda logits, labels: heads.ForSequenceClassificationLoss(labels, logits, config),
        lambda logits, labels: loss_utils.ForSequenceClassificationLoss(labels, logits, config),
        normal(4, count),
        labels,
    )


def test_question_answering_ignores_positions_beyond_the_text():
    start, end = np.array([0, 9, 3]), np.array([[1], [6], [4]])
    options = {"end_logits": normal(3, 6), "start_positions": start, "end_positions": end}
    both(heads.ForQuestionAnsweringLoss, loss_utils.ForQuestionAnsweringLoss, normal(3, 6), **options)


def test_token_classification():
    config = BertConfig(num_labels=5)
    both(
        lambda logits, labels: heads.ForTokenClassification(logits, labels, config),
        lambda logits, labels: loss_utils.ForTokenClassification(logits, labels, config),
        normal(7, 5),
        LABELS,
    )


def test_semantic_segmentation_enlarges_its_logits():
    labels = RANDOM.integers(0, 4, size=(2, 7, 10))
    labels[0, 0] = 255
    options = {"auxiliary_logits": normal(2, 4, 2, 2)}
    name = "ForSemanticSegmentationLoss"
    both(getattr(heads, name), getattr(loss_utils, name), normal(2, 4, 3, 5), labels, **options)


def test_ctc_head():
    labels = np.array([[1, 2, 2, -100], [3, 1, 0, 0]])
    arrays = normal(2, 9, 5), labels, np.array([9, 7])
    expected = loss_utils.ForCTCLoss(*map(torch.tensor, arrays), blank_token_id=0)
    found = heads.ForCTCLoss(*map(tf.constant, arrays), blank_token_id=0)
    assert_matches(found, expected)


@pytest.mark.parametrize(
    ("class_name", "kind"),
    [("TFBertForMaskedLM", "ForMaskedLM"), ("TFBertModel", None), ("TFXForObjectDetection", "ForObjectDetection")],
)
def test_kind_of_loss_by_class_name(class_name, kind):
    assert losses.loss_type(class_name) == kind


def test_a_loss_without_counterpart_is_refused():
    with pytest.raises(NotImplementedError, match="ForInstanceSegmentation"):
        losses.loss_function("ForInstanceSegmentation")
