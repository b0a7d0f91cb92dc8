"""How the TensorFlow classes of transformers 4 called and laid out what they wrote into `tf_model.h5`.

A variable's path below the model becomes `<model>/<path>:0`, with `layer_._0` for `layer.0`. Where those classes did
otherwise stands in one table by model type: every row is something that their files really hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from porter.runtime.model.former_paths import former_paths, with_current_paths
from porter.runtime.stored.h5_file import model_name, weight_key
from porter.runtime.stored.tensor_source import Array, Checkpoint, TensorInfo
from porter.runtime.stored.writers import Entry


@dataclass(frozen=True)
class Family:
    """What one model type did otherwise. All patterns are searched in a path such as `bert/encoder/layer.0/...`.

    Attributes:
        renames: (pattern, replacement) pairs, all applied in turn.
        dotted: list members are called `layers.0`, not `layers_._0`.
        roots: pattern -> what stands instead of the model's name; empty for nothing at all.
        repeats: pattern -> further groups of the file that hold the variable again, where they exist.
        rows: pattern of vectors that are kept as a matrix of one row.
        as_torch: pattern of variables that keep PyTorch's axes.
        dropout: (classes, first, per layer): these classes keep a dropout layer without a name beside their head. It
            has no weights, but its group is asked for on loading, under the number that Keras gives it: so many
            dropouts come before it, and so many in each layer.
    """

    renames: tuple[tuple[str, str], ...] = ()
    dotted: bool = False
    roots: tuple[tuple[str, str], ...] = ()
    repeats: tuple[tuple[str, tuple[str, ...]], ...] = ()
    rows: str | None = None
    as_torch: str | None = None
    dropout: tuple[str, int, int] | None = None


WORDS = (r"word_embeddings/embeddings$", "word_embeddings/weight")
FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "bert": Family(
            # Two heads of one PyTorch module became two layers; what stands before ___ is cut off on loading.
            renames=(WORDS, (r"^cls/predictions/", "mlm___cls/predictions/"), (r"^cls/seq_", "nsp___cls/seq_")),
            repeats=((r"^bert/embeddings/", ("mlm___cls",)),),
        ),
        "roberta": Family(renames=(WORDS,), repeats=((r"^roberta/embeddings/", ("lm_head",)),)),
        "distilbert": Family(
            renames=(WORDS,),
            repeats=((r"^distilbert/embeddings/", ("vocab_projector",)),),
            dropout=(r"For(Sequence|Token)Classification$|ForMultipleChoice$|ForQuestionAnswering$", 1, 3),
        ),
        "gpt2": Family(rows=r"/c_(attn|proj|fc)/bias$|/q_attn/bias$"),
        "t5": Family(
            renames=((r"^transformer/", ""),),
            roots=((r"^shared/", "shared"),),
            repeats=((r"^shared/", ("encoder", "decoder")),),
        ),
        "bart": Family(
            renames=((r"^model/shared/", "model.shared/"),),
            dotted=True,
            roots=((r"^model\.shared/", "model.shared"), (r"^final_logits_bias$", "")),
        ),
        "vit": Family(
            # transformers 5 calls these modules otherwise than transformers 4 did.
            renames=(
                (r"^vit/layers\.", "vit/encoder/layer."),
                (r"attention/q_proj/", "attention/attention/query/"),
                (r"attention/k_proj/", "attention/attention/key/"),
                (r"attention/v_proj/", "attention/attention/value/"),
                (r"attention/o_proj/", "attention/output/dense/"),
                (r"mlp/fc1/", "intermediate/dense/"),
                (r"mlp/fc2/", "output/dense/"),
            )
        ),
        "convnext": Family(dotted=True),
        "wav2vec2": Family(
            renames=((r"conv/kernel_norm$", "conv/weight_g"), (r"conv/kernel_direction$", "conv/weight_v")),
            dotted=True,
            as_torch=r"conv/weight_[gv]$",
            dropout=(r"ForCTC$", 2, 4),
        ),
    }
)


@dataclass(frozen=True)
class Stored:
    """One variable as it stands in the file.

    Attributes:
        name: full name, `tf_bert_model/bert/encoder/layer_._0/.../kernel:0`.
        groups: the file's groups that hold it.
        is_row: a vector that is kept as a matrix of one row.
        as_torch: whether it has PyTorch's axes instead of Keras'.
    """

    name: str
    groups: tuple[str, ...]
    is_row: bool = False
    as_torch: bool = False

    def shape(self, keras_shape: tuple[int, ...], torch_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape in the file."""
        if self.is_row:
            return (1, *keras_shape)
        return torch_shape if self.as_torch else keras_shape

    def entry(self, keras_shape: tuple[int, ...], torch_shape: tuple[int, ...], dtype: str) -> Entry:
        """What is to be written."""
        return Entry(weight_key(self.name), self.name, self.groups, self.shape(keras_shape, torch_shape), dtype)


def stored_names(paths: Iterable[str], class_name: str, model_type: str) -> dict[str, Stored]:
    """How a file holds the variables of a class, by path below the model.

    Args:
        paths: of all variables of the model.
        class_name: the TensorFlow class, whose name becomes the model's.
        model_type: of its configuration.
    """
    family = FAMILIES.get(model_type, Family())
    current = {path: _renamed(path, family) for path in paths}
    exist = {path.partition("/")[0] for path in current.values()}
    return {path: _stored(new, model_name(class_name), family, exist) for path, new in current.items()}


def empty_groups(class_name: str, config: Any) -> tuple[str, ...]:
    """Groups without weights that a file of this class holds, and whose absence would be reported."""
    dropout = FAMILIES.get(config.model_type, Family()).dropout
    if dropout is None or not re.search(dropout[0], class_name):
        return ()
    _, first, per_layer = dropout
    return (f"dropout_{first + per_layer * config.num_hidden_layers}",)


def _renamed(path: str, family: Family) -> str:
    for pattern, replacement in family.renames:
        path = re.sub(pattern, replacement, path)
    return path


def _stored(path: str, root: str, family: Family, exist: set[str]) -> Stored:
    root = next((other for pattern, other in family.roots if re.search(pattern, path)), root)
    group = path.partition("/")[0]
    # bart's embedding is called model.shared, and its layer is model.
    groups = [group.partition(".")[0] if root == group else group]
    groups += [g for pattern, more in family.repeats if re.search(pattern, path) for g in more if g in exist]
    below = path if family.dotted else re.sub(r"\.(\d+)(?=[/.]|$)", r"_._\1", path)
    is_row = family.rows is not None and re.search(family.rows, path) is not None
    as_torch = family.as_torch is not None and re.search(family.as_torch, path) is not None
    return Stored(f"{root}/{below}:0" if root else f"{below}:0", tuple(groups), is_row, as_torch)


class Transformers4Weights(Checkpoint):
    """A `tf_model.h5` seen through the names and axes of a model of today: variable paths below the model.

    Args:
        file: the opened file or files.
        model: a built model that the file is for.
    """

    def __init__(self, file: Checkpoint, model: Any) -> None:
        self._file = file
        from porter.runtime.model.names import named_variables  # loads Keras, which a conversion does without

        entries = {entry.path: entry for entry in named_variables(model).values()}
        self._stored = _stored_in(file, {path: path for path in entries}, model)
        self._stored |= _stored_in(file, former_paths(model, entries), model)
        self._entries = entries
        known = {weight_key(stored.name) for stored in self._stored.values()}
        others = {key: info for key, info in file.tensors.items() if key not in known}
        self.tensors = {**{path: self._info(path) for path in self._stored}, **others}

    def _info(self, path: str) -> TensorInfo:
        stored, entry = self._stored[path], self._entries[path]
        info = self._file.tensors[weight_key(stored.name)]
        shape = info.shape
        if stored.is_row and shape[:1] == (1,):
            shape = shape[1:]
        if stored.as_torch and shape == entry.torch_shape:
            shape = tuple(entry.variable.shape)
        return TensorInfo(shape, info.dtype)

    def read(self, name: str) -> Array:
        """The variable at this path, in the shape that `tensors` tells."""
        if name not in self._stored:
            return self._file.read(name)
        stored, entry = self._stored[name], self._entries[name]
        array = self._file.read(weight_key(stored.name))
        if stored.is_row:
            array = np.squeeze(array, axis=0)
        return entry.layout.to_keras(array) if stored.as_torch else array

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _stored_in(file: Checkpoint, spelled: Mapping[str, str], model: Any) -> dict[str, Stored]:
    """What a file holds, by path; `spelled` tells the path that it was written under."""
    names = stored_names(spelled.values(), type(model).__name__, model.config.model_type)
    held = {path: names[once] for path, once in spelled.items()}
    return {path: stored for path, stored in held.items() if weight_key(stored.name) in file.tensors}


def current_names(checkpoint: Checkpoint, model: Any) -> Checkpoint:
    """The checkpoint under variable paths, whichever way its file has to name them."""
    if _is_former(checkpoint):
        return Transformers4Weights(checkpoint, model)
    return with_current_paths(checkpoint, model)


def stored_keys(checkpoint: Checkpoint, paths: Iterable[str], model: Any) -> set[str]:
    """Which of these variable paths the checkpoint holds; the model need not be built."""
    if not _is_former(checkpoint):
        return {path for path in paths if path in checkpoint.tensors}
    names = stored_names(paths, type(model).__name__, model.config.model_type)
    return {path for path, stored in names.items() if weight_key(stored.name) in checkpoint.tensors}


def _is_former(checkpoint: Checkpoint) -> bool:
    return any(name.endswith(":0") for name in checkpoint.tensors)
