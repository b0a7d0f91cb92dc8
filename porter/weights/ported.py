"""A ported model, ready to use: `porter.load("owner/name")`."""

from __future__ import annotations

from typing import Any

from porter.base.scratch import scratch_folder
from porter.hub.fetch import Fetch, has_tensorflow, local_copy
from porter.weights.formats import keras_file


def load(name: str, *, tf: str | None = None, revision: str | None = None, trust_remote_code: bool = False) -> Any:
    """The Keras model of a folder or of a repository on the Hub.

    Its class comes from the `modeling_tf_*.py` that lies there, else the model is scaffolded on the spot, which needs
    PyTorch. TensorFlow weights are read where there are some, PyTorch's else.

    Args:
        name: folder, or `owner/name`.
        tf: `FILE[:CLASS]` of the TensorFlow side, instead of the one that would be found.
        revision: branch, tag or commit of the repository.
        trust_remote_code: allow code that lies in the repository. Its `modeling_tf_*.py` is such code.

    Raises:
        UsageError: there is no such model, or its code is not trusted.
    """
    from porter.base.quiet import quiet_frameworks
    from porter.port.find_port import find_port
    from porter.port.load import load_class

    quiet_frameworks()
    folder = local_copy(name, Fetch(revision, ported=True))
    with scratch_folder() as scratch:
        port = find_port(folder, tf, scratch, trust_remote_code)
        model_class = load_class(port)
        saved = folder / keras_file.FORMAT.file
        if saved.exists():
            return keras_file.load(saved, model_class)
        return model_class.from_pretrained(folder, from_pt=not has_tensorflow(folder))
