"""Models inside models, chosen by their configuration: the port of the child's family, from the file beside."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import keras

from porter.runtime.model.beside import file_with, main_layer
from porter.runtime.model.building import import_beside
from porter.runtime.port_errors import WrongValue


class TFAutoModel:
    """The model that transformers has for a configuration, as a layer of another model."""

    _mapping = "MODEL_MAPPING_NAMES"

    @classmethod
    def from_config(cls, config: Any, *, beside: str, name: str | None = None) -> keras.Layer:
        """The main layer, or the model where it has none, not built yet.

        Args:
            config: the child's configuration.
            beside: the file that asks; the child's port is looked for in its folder.
            name: of the layer.

        Raises:
            ImportError: no file there has the port.
            WrongValue: transformers has no such model for the configuration.
        """
        torch_class = _class_name(config, cls._mapping)
        module = _module_with(torch_class, beside)
        model = getattr(module, f"TF{torch_class}")
        text_config_class = getattr(config, "sub_configs", {}).get("text_config")
        if text_config_class is not None and model.config_class is text_config_class:
            config = config.get_text_config()
        layer: keras.Layer = getattr(module, main_layer(torch_class), model)(config, name=name)
        return layer


def _module_with(torch_class: str, beside: str) -> ModuleType:
    file = file_with(Path(beside).parent, torch_class)
    if file is None:
        missing = f"the port of {torch_class}, a file modeling_tf_*.py with the class TF{torch_class}"
        raise ImportError(f"{Path(beside).name} needs {missing}, beside it.")
    return import_beside(beside, file.stem)


def _class_name(config: Any, mapping: str) -> str:
    """PyTorch's class for the configuration; of several the one that the configuration names, else the first."""
    from transformers.models.auto import modeling_auto

    found = getattr(modeling_auto, mapping).get(config.model_type)
    if found is None:
        raise WrongValue(f"transformers has no model for {type(config).__name__} ({config.model_type}).")
    names = [found] if isinstance(found, str) else list(found)
    return next((name for name in getattr(config, "architectures", None) or () if name in names), names[0])


class TFAutoBackbone(TFAutoModel):
    """The backbone for a configuration."""

    _mapping = "MODEL_FOR_BACKBONE_MAPPING_NAMES"


class TFAutoModelForAudioFrameClassification(TFAutoModel):
    """The audio frame classifier for a configuration."""

    _mapping = "MODEL_FOR_AUDIO_FRAME_CLASSIFICATION_MAPPING_NAMES"


class TFAutoModelForCausalLM(TFAutoModel):
    """The causal language model for a configuration."""

    _mapping = "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES"


class TFAutoModelForImageClassification(TFAutoModel):
    """The image classifier for a configuration."""

    _mapping = "MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES"


class TFAutoModelForImageTextToText(TFAutoModel):
    """The model from images and text to text for a configuration."""

    _mapping = "MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES"


class TFAutoModelForKeypointDetection(TFAutoModel):
    """The keypoint detector for a configuration."""

    _mapping = "MODEL_FOR_KEYPOINT_DETECTION_MAPPING_NAMES"


class TFAutoModelForSeq2SeqLM(TFAutoModel):
    """The sequence-to-sequence language model for a configuration."""

    _mapping = "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES"


class TFAutoModelForTextEncoding(TFAutoModel):
    """The text encoder for a configuration."""

    _mapping = "MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES"


class TFAutoModelForAudioClassification(TFAutoModel):
    """The audio classifier for a configuration."""

    _mapping = "MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES"


class TFAutoModelForCTC(TFAutoModel):
    """The speech recogniser with CTC for a configuration."""

    _mapping = "MODEL_FOR_CTC_MAPPING_NAMES"


class TFAutoModelForDepthEstimation(TFAutoModel):
    """The depth estimator for a configuration."""

    _mapping = "MODEL_FOR_DEPTH_ESTIMATION_MAPPING_NAMES"


class TFAutoModelForMaskedLM(TFAutoModel):
    """The masked language model for a configuration."""

    _mapping = "MODEL_FOR_MASKED_LM_MAPPING_NAMES"


class TFAutoModelForMultipleChoice(TFAutoModel):
    """The multiple choice model for a configuration."""

    _mapping = "MODEL_FOR_MULTIPLE_CHOICE_MAPPING_NAMES"


class TFAutoModelForNextSentencePrediction(TFAutoModel):
    """The next sentence classifier for a configuration."""

    _mapping = "MODEL_FOR_NEXT_SENTENCE_PREDICTION_MAPPING_NAMES"


class TFAutoModelForObjectDetection(TFAutoModel):
    """The object detector for a configuration."""

    _mapping = "MODEL_FOR_OBJECT_DETECTION_MAPPING_NAMES"


class TFAutoModelForPreTraining(TFAutoModel):
    """The model with its pretraining heads for a configuration."""

    _mapping = "MODEL_FOR_PRETRAINING_MAPPING_NAMES"


class TFAutoModelForQuestionAnswering(TFAutoModel):
    """The question answering model for a configuration."""

    _mapping = "MODEL_FOR_QUESTION_ANSWERING_MAPPING_NAMES"


class TFAutoModelForSemanticSegmentation(TFAutoModel):
    """The semantic segmentation model for a configuration."""

    _mapping = "MODEL_FOR_SEMANTIC_SEGMENTATION_MAPPING_NAMES"


class TFAutoModelForSequenceClassification(TFAutoModel):
    """The sequence classifier for a configuration."""

    _mapping = "MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES"


class TFAutoModelForSpeechSeq2Seq(TFAutoModel):
    """The model from speech to text for a configuration."""

    _mapping = "MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING_NAMES"


class TFAutoModelForTokenClassification(TFAutoModel):
    """The token classifier for a configuration."""

    _mapping = "MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES"


def load_backbone(config: Any, *, beside: str, name: str | None = None) -> keras.Layer:
    """The backbone that a model's configuration describes in `backbone_config`, else by itself.

    Arguments and errors as for `TFAutoModel.from_config`.
    """
    inner = getattr(config, "backbone_config", None)
    return TFAutoBackbone.from_config(config if inner is None else inner, beside=beside, name=name)
