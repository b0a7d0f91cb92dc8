"""The forms in which models take images, videos and sound, and how many tokens stand for them."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from porter.subject.inputs.arrays import numpy_inputs
from porter.subject.inputs.further_runs import further_runs
from porter.subject.inputs.modalities import forms_of, modalities_of
from porter.subject.inputs.placeholders import placeholders_of
from porter.subject.inputs.variation import runs

WIDTH = 8
IDS = {"input_ids": torch.arange(20, 34).reshape(2, 7)}


class Reader(nn.Module):
    """Ids with a token for each vector of something else, which must be as many."""

    def __init__(self, **config):
        super().__init__()
        self.config = SimpleNamespace(vocab_size=128, hidden_size=WIDTH, **config)
        self.embed = nn.Embedding(128, WIDTH)

    def get_input_embeddings(self):
        return self.embed

    def merge(self, input_ids, vectors, token):
        vectors = vectors.reshape(-1, WIDTH)
        places = input_ids == token
        if int(places.sum()) != len(vectors):
            raise ValueError(f"Features and tokens do not match: tokens: {int(places.sum())}, features {len(vectors)}")
        return self.embed(input_ids).masked_scatter(places[..., None], vectors)


class Listener(Reader):
    """Spectrograms with their bins before their frames, which are a multiple of 64, and a mask that is needed."""

    def __init__(self):
        super().__init__(audio_token_id=120, audio_config=SimpleNamespace(num_mel_bins=12))
        self.project = nn.Linear(12, WIDTH)

    def get_audio_features(self, input_features, input_features_mask):
        if input_features.shape[1] != 12 or input_features.shape[2] % 64:
            raise ValueError("12 bins, and frames in sixty-fours")
        return self.project(input_features.transpose(1, 2) * input_features_mask[..., None])[:, ::16]

    def forward(self, input_ids, input_features=None, input_features_mask=None):
        if input_features is None:
            return self.embed(input_ids)
        return self.merge(input_ids, self.get_audio_features(input_features, input_features_mask), 120)


class Watcher(Reader):
    """Patches of all images in one list; a video image by image."""

    def __init__(self):
        vision = SimpleNamespace(patch_size=4, temporal_patch_size=2, in_channels=3)
        super().__init__(image_token_id=121, video_token_id=122, vision_config=vision)
        self.project = nn.Linear(3 * 2 * 16, WIDTH)

    def get_image_features(self, pixel_values, image_grid_thw):
        assert len(pixel_values) == int(image_grid_thw.prod(-1).sum())
        return self.project(pixel_values)[::4]

    def get_video_features(self, pixel_values_videos, video_grid_thw):
        return self.get_image_features(pixel_values_videos, video_grid_thw)

    def forward(
        self, input_ids, pixel_values=None, image_grid_thw=None, pixel_values_videos=None, video_grid_thw=None
    ):
        if pixel_values is not None:
            return self.merge(input_ids, self.get_image_features(pixel_values, image_grid_thw), 121)
        if pixel_values_videos is not None:
            ends = (input_ids[:, :-1] == 122) & (input_ids[:, 1:] != 122)
            if int(ends.sum()) != int(video_grid_thw[:, 0].sum()):
                raise ValueError("one stretch for each image of a video")
            return self.merge(input_ids, self.get_video_features(pixel_values_videos, video_grid_thw), 122)
        return self.embed(input_ids)


def test_what_a_model_takes_beside_its_ids():
    assert [(m.kind, m.argument, m.token) for m in modalities_of(Watcher())] == [
        ("image", "pixel_values", 121),
        ("video", "pixel_values_videos", 122),
    ]


def test_patches_of_all_images_in_one_list():
    model = Watcher()
    image, video = modalities_of(model)
    shapes = [[spec.shape for spec in form] for form in forms_of(model, image, rows=2)]
    assert [(2 * 16, 3 * 2 * 16), (2, 3)] in shapes
    assert [(2 * 2 * 16, 3 * 2 * 16), (2, 3)] in [[s.shape for s in form] for form in forms_of(model, video, rows=2)]


@pytest.mark.parametrize("model", [Listener(), Watcher()], ids=["sound", "images and videos"])
@pytest.mark.parametrize("rows", [2, 3])
def test_pytorch_runs_on_each_modality(model, rows):
    for modality in modalities_of(model):
        taken = [s for s in placeholders_of(model, modality, rows) if runs(model, numpy_inputs(s))]
        assert taken, modality
        assert taken[0][0].shape[0] == rows


def test_an_image_of_a_video_has_a_stretch_of_its_own():
    model = Watcher()
    video = modalities_of(model)[1]
    taken = next(s for s in placeholders_of(model, video) if runs(model, numpy_inputs(s)))
    rows = numpy_inputs(taken)["input_ids"].tolist()
    assert "".join("#" if token == 122 else "." for token in rows[0]) == "...####.####..."


@pytest.mark.parametrize(("model", "names"), [(Listener(), {"input_features", "input_features_mask"}),
                                              (Watcher(), {"pixel_values", "video_grid_thw"})])  # fmt: skip
def test_a_model_of_text_alone_is_also_called_with_what_else_it_takes(model, names):
    given = {name for run in further_runs(model, IDS)[0] for name in run.given}
    assert names <= given
