"""Images, videos and sound for whose features tokens stand in the ids, in the forms in which models take them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from porter.subject.case import InputSpec
from porter.subject.inputs.from_signature import patches_in_one_list, tiny_inputs
from porter.subject.inputs.input_sizes import Patches, input_sizes, patches_of, token_of
from porter.subject.inputs.known_inputs import BINS, ONES, Shape, Specs, bins_first

# What stands in the ids for what, and the arguments that bring it.
ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "image": ("pixel_values",),
    "video": ("pixel_values_videos", "pixel_values"),
    "audio": ("input_features", "input_values"),
}
TILES = (1, 2, 3, 5)  # one image for a row; or the image beside parts of it
FRAMES = 2  # of a video
SOUNDS = {2: (1920,), 3: (64, 100)}  # other lengths, by the rank: some models take multiples of one number only


@dataclass(frozen=True)
class Modality:
    """What a model takes beside its ids.

    Attributes:
        kind: "image", "video" or "audio".
        argument: that brings it.
        token: the id that stands for one vector of it.
    """

    kind: str
    argument: str
    token: int


def modalities_of(model: Any) -> list[Modality]:
    """What the model takes beside its ids; empty where its ids stand for themselves."""
    accepted = inspect.signature(model.forward).parameters
    found: dict[str, Modality] = {}
    for kind, names in ARGUMENTS.items():
        name = next((name for name in names if name in accepted and name not in found), None)
        token = token_of(getattr(model, "config", None), f"{kind}_token_id", f"{kind}_token_index")
        if name is not None and token is not None and "input_ids" in accepted:
            found[name] = Modality(kind, name, token)
    return list(found.values())


def forms_of(model: Any, modality: Modality, rows: int) -> Iterator[Specs]:
    """Arrays for a modality in each form that the model may take, with what goes with them; the likeliest first."""
    accepted = set(inspect.signature(model.forward).parameters)
    grid = f"{modality.kind}_grid_thw"
    for specs in _in_patches(patches_of(model.config), modality, grid, rows) if grid in accepted else ():
        yield tuple(spec for spec in specs if spec.name in accepted)
    bins = input_sizes(model.config).bins or BINS
    for spec in _arrays(model, modality, rows):
        companions = [form for name in sorted(accepted) if (form := _companions(name, spec, bins))]
        masks = [form for form in companions if "mask" in form[0].name]
        sizes = [form[0] for form in companions if form not in masks]
        for beside in (sizes, []) if sizes else ([],):
            yield (spec, *beside)
            for together in zip(*masks, strict=False):
                yield (spec, *beside, *together)


def _in_patches(patches: Patches, modality: Modality, grid: str, rows: int) -> Iterator[Specs]:
    """All patches of all images in one list, and how many there are in time, height and width of each."""
    times = FRAMES if modality.kind == "video" else 1
    merged = InputSpec(f"{modality.kind}_merge_sizes", (rows,), "int64", {"kind": "values", "data": [1] * rows})
    for specs in patches_in_one_list(patches, modality.argument, grid, rows, times):
        yield (*specs, merged)


def _arrays(model: Any, modality: Modality, rows: int) -> Iterator[InputSpec]:
    """The array itself: images alone or in lists, videos as lists of images, spectrograms either way round."""
    known = "pixel_values" if "pixel" in modality.argument else modality.argument
    spec = next((spec for spec in tiny_inputs(model.config) if spec.name == known), None)
    if spec is None:
        return
    spec = replace(spec, name=modality.argument, shape=(rows, *spec.shape[1:]))
    if modality.kind == "audio":
        sounds = [spec, *(replace(spec, shape=(rows, size, *spec.shape[2:])) for size in SOUNDS[len(spec.shape)])]
        turned = [bins_first(each) for each in sounds if len(each.shape) == 3]
        shapes: list[Shape] = [*(each.shape for each in sounds), *turned]
    elif modality.kind == "video":
        shapes = [(rows, FRAMES, *spec.shape[1:])]
    else:
        shapes = [spec.shape, *((rows, tiles, *spec.shape[1:]) for tiles in TILES)]
    yield from (replace(spec, shape=shape) for shape in dict.fromkeys(shapes))


def _companions(name: str, spec: InputSpec, bins: int) -> tuple[InputSpec, ...]:
    """What a model takes beside the array under this name; empty for other names.

    A mask comes as int64 and as bool, of the parts of images also with one value for each part.
    """
    images = "pixel" in spec.name
    videos = spec.name.endswith("videos")
    if name == ("image_sizes_videos" if videos else "image_sizes") and images:
        leading = spec.shape[: 2 if videos else 1]
        data = list(spec.shape[-2:]) * (leading[0] * (leading[1] if videos else 1))
        return (InputSpec(name, (*leading, 2), "int64", {"kind": "values", "data": data}),)
    if "mask" not in name or ("videos" in name) != videos:
        return ()
    if images and name.startswith("pixel"):
        shapes: list[Shape] = [(*spec.shape[:-3], *spec.shape[-2:])]
        shapes += [spec.shape[:-3]] if len(spec.shape) > 4 else []
    elif not images and name.startswith(("input_features", "feature", "input_values", "padding")):
        shapes = [(spec.shape[0], next((size for size in spec.shape[1:] if size != bins), spec.shape[-1]))]
    else:
        return ()
    return tuple(InputSpec(name, shape, dtype, ONES) for shape in shapes for dtype in ("int64", "bool"))
