"""Rules for functions of transformers that modeling files call."""

from __future__ import annotations

from porter.rulebook import Drop, Remark, Same, rule

rule(
    "transformers.activations.get_activation(activation_string)",
    to="get_tf_activation(activation_string)",
    cases={'get_activation("tanh").__call__(x)': 'get_tf_activation("tanh").__call__(x)'},
)
rule(
    "transformers.utils.generic.torch_int(x)",
    to="as_int(x)",
    cases={"torch_int(2.5)": "as_int(2.5)"},
    doc="Sizes that are not known while tracing are scalar tensors, which int() does not take.",
)
rule(
    "transformers.utils.generic.get_max_seqlen(cu_seqlens, config=None, kwargs=None, kwarg_name='max_seqlen')",
    to="None",
    cases={"get_max_seqlen(v3, eager_config)": "None"},
    doc="Only flash attention asks for it.",
)
for _name in (
    "is_peft_available",
    "is_accelerate_available",
    "is_mambapy_available",
    "is_kernels_available",
    "is_ninja_available",
    "is_torch_cuda_available",
    "is_xlstm_available",
    "is_natten_available",
    "is_flash_attn_2_available",
    "is_torch_flex_attn_available",
    "is_mamba_ssm_available",
    "is_mamba_2_ssm_available",
    "is_causal_conv1d_available",
    "is_flash_linear_attention_available",
    "is_scipy_available",
    "is_torch_available",
):
    rule(
        f"transformers.utils.import_utils.{_name}()",
        to="False",
        cases={f"import_utils.{_name}()": "False"},
        doc="The port needs no such package.",
    )
rule(
    "transformers.utils.import_utils.requires_backends(obj, backends)",
    to=Drop(),
    cases={'requires_backends(None, ["torch"])': "None"},
)
rule(
    "transformers.vision_utils.get_vision_cu_seqlens(grid_thw, merge_temporal=False, kwargs=None)",
    to="get_vision_cu_seqlens(grid_thw, merge_temporal=merge_temporal)",
    cases={"vision_utils.get_vision_cu_seqlens(grids)": "get_vision_cu_seqlens(grids)"},
)
rule(
    "transformers.vision_utils.get_vision_attention_seqlens(grid_thw, config, merge_temporal=False, kwargs=None)",
    to="get_vision_attention_seqlens(grid_thw, config, merge_temporal=merge_temporal)",
    cases={
        "vision_utils.get_vision_attention_seqlens(grids, eager_config)[0]": (
            "get_vision_attention_seqlens(grids, eager_config)[0]"
        )
    },
)
rule(
    "transformers.vision_utils.get_vision_position_ids(grid_thw, spatial_merge_size, include_temporal=False, "
    "kwargs=None)",
    to="get_vision_position_ids(grid_thw, spatial_merge_size, include_temporal=include_temporal)",
    cases={
        "vision_utils.get_vision_position_ids(grids, 2)": "get_vision_position_ids(grids, 2)",
        "vision_utils.get_vision_position_ids(grids, 2, include_temporal=True)": (
            "get_vision_position_ids(grids, 2, include_temporal=True)"
        ),
    },
)
rule(
    "transformers.vision_utils.get_vision_window_index(grid_thw, spatial_merge_size, window_size, patch_size, "
    "kwargs=None)",
    to="get_vision_window_index(grid_thw, spatial_merge_size, window_size, patch_size)",
    cases={
        "vision_utils.get_vision_window_index(grids, 2, 8, 1)": "get_vision_window_index(grids, 2, 8, 1)",
        "vision_utils.get_vision_window_index(grids, 2, 4, 1)": "get_vision_window_index(grids, 2, 4, 1)",
    },
)
rule(
    "transformers.vision_utils.get_vision_interpolation_indices_and_weights(grid_thw, num_grid_per_side, "
    "mode='bilinear', align_corners=False, spatial_merge_size=1, padding='border', kwargs=None)",
    to="get_vision_interpolation_indices_and_weights(grid_thw, num_grid_per_side, mode=mode, "
    "align_corners=align_corners, spatial_merge_size=spatial_merge_size, padding=padding)",
    cases={
        "vision_utils.get_vision_interpolation_indices_and_weights(grids, 5, spatial_merge_size=2)": (
            "get_vision_interpolation_indices_and_weights(grids, 5, spatial_merge_size=2)"
        ),
        'vision_utils.get_vision_interpolation_indices_and_weights(grids, 5, mode="bicubic", align_corners=True)': (
            'get_vision_interpolation_indices_and_weights(grids, 5, mode="bicubic", align_corners=True)'
        ),
        'vision_utils.get_vision_interpolation_indices_and_weights(grids, 5, mode="bicubic", padding="zeros")': (
            'get_vision_interpolation_indices_and_weights(grids, 5, mode="bicubic", padding="zeros")'
        ),
    },
)
rule(
    "transformers.vision_utils.get_vision_nearest_position_ids(target_sizes, num_patches_per_side, kwargs=None)",
    to="get_vision_nearest_position_ids(target_sizes, num_patches_per_side)",
    cases={
        "vision_utils.get_vision_nearest_position_ids(grids[:, 1:], 4)": (
            "get_vision_nearest_position_ids(grids[:, 1:], 4)"
        )
    },
)
rule(
    "transformers.image_transforms.center_to_corners_format(bboxes_center)",
    to="center_to_corners_format(bboxes_center)",
    cases={"image_transforms.center_to_corners_format(x)": "center_to_corners_format(x)"},
)
rule(
    "transformers.image_transforms.corners_to_center_format(bboxes_corners)",
    to="corners_to_center_format(bboxes_corners)",
    cases={"image_transforms.corners_to_center_format(x)": "corners_to_center_format(x)"},
)
for _name, _home in (
    ("torch.nn.utils.parametrizations.weight_norm", ""),
    ("torch.nn.utils.weight_norm", ".weight_norm"),
):
    rule(
        f"{_name}{_home}(module, name='weight', dim=0)",
        to="weight_norm(module, name=name, dim=dim)",
        cases={f"{_name}(nn.Conv1d(4, 6, 3), dim=2)": "weight_norm(Conv1D(6, 3), dim=2)"},
    )
for _name, _home, _ported in (
    ("torch.nn.utils.parametrizations.spectral_norm", "", "spectral_norm"),
    ("torch.nn.utils.spectral_norm", ".spectral_norm", "former_spectral_norm"),
):
    rule(
        f"{_name}{_home}(module, name='weight', n_power_iterations=1, eps=1e-12, dim=None)",
        to=f"{_ported}(module, name=name, n_power_iterations=n_power_iterations, eps=eps, dim=dim)",
        cases={f"{_name}(nn.Linear(4, 6), eps=1e-6)": f"{_ported}(keras.layers.Dense(6), eps=1e-6)"},
    )
rule(
    "transformers.modeling_flash_attention_utils.is_flash_attn_available(version=None, kernels_fallback_ok=False)",
    "transformers.modeling_flash_attention_utils.flash_attn_supports_top_left_mask()",
    to="False",
    cases={"flash.is_flash_attn_available()": "False"},
    doc="The port attends eagerly.",
)
rule(
    "transformers.utils.import_utils.is_torch_greater_or_equal(library_version, accept_dev=False)",
    "transformers.utils.import_utils.is_torch_less_or_equal(library_version, accept_dev=False)",
    to="False",
    cases={'import_utils.is_torch_greater_or_equal("99.0")': "False"},
    doc="What is asked for is never there.",
)
rule(
    "torch.nn.Module.add_module(input, name, module)",
    "torch.nn.Module.register_module(input, name, module)",
    to="add_layer(input, name, module)",
    cases={'linear.add_module("inner", normed)': 'add_layer(linear, "inner", normed)'},
)
rule(
    "torch.nn.Module.named_children(input)",
    to="named_children(input)",
    cases={"list(linear.named_children())": "list(named_children(linear))"},
)
rule(
    "torch.nn.Module.children(input)",
    to="sublayers(input)",
    cases={"list(linear.children())": "list(sublayers(linear))"},
)
rule(
    "torch.nn.Module()",
    to="keras.layers.Layer()",
    cases={"list(nn.Module().children())": "list(sublayers(keras.layers.Layer()))"},
    doc="A module of no class of its own keeps layers under their names.",
)
rule(
    "torch.nn.Module.parameters(input, recurse=True)",
    to="iter(input.trainable_variables)",
    cases={"linear.parameters()": "iter(linear.trainable_variables)"},
)
rule(
    "torch.nn.Module.eval(input)",
    "torch.nn.Module.train(input, mode=True)",
    to=Same(),
    cases={"linear.eval()": "linear"},
    doc="`training` is an argument of every call.",
)
rule(
    "torch.nn.Module.requires_grad_(input, requires_grad=True)",
    to=Same(Remark("whether the layer trains is not changed here: set its `trainable` where it is made.")),
    cases={"linear.requires_grad_(True)": "linear"},
    doc="As a statement of its own it sets `trainable`.",
)
rule(
    "torch.nn.Module.apply(input, fn)",
    to=Same(Remark("what the function does to each layer inside is not ported.")),
    cases={"linear.apply(repr)": "linear"},
)
rule(
    "torch.nn.Module.to(input, *target, device=None, dtype=None, non_blocking=False)",
    "torch.nn.Module.float(input)",
    "torch.nn.Module.half(input)",
    "torch.nn.Module.double(input)",
    "torch.nn.Module.type(input, dst_type)",
    "torch.nn.Module.bfloat16(input)",
    "torch.nn.Module.cuda(input, device=None)",
    "torch.nn.Module.cpu(input)",
    to=Same(),
    cases={"linear.cpu()": "linear"},
    doc="A layer keeps the dtype it was built with.",
)
rule(
    "torch.nn.utils.remove_weight_norm(module, name='weight')",
    "torch.nn.utils.weight_norm.remove_weight_norm(module, name='weight')",
    "torch.nn.utils.spectral_norm.remove_spectral_norm(module, name='weight')",
    "torch.nn.utils.parametrize.remove_parametrizations(module, tensor_name, leave_parametrized=True)",
    to=Drop(),
    cases={"torch.nn.utils.remove_weight_norm(normed)": "None"},
    doc="A statement of it is removed: the weights stay in two parts, the results are the same.",
)
rule(
    "transformers.modeling_attn_mask_utils._prepare_4d_attention_mask(mask, dtype, tgt_len=None)",
    "transformers.modeling_attn_mask_utils._prepare_4d_attention_mask_for_sdpa(mask, dtype, tgt_len=None)",
    to="prepare_4d_attention_mask(mask, dtype, tgt_len=tgt_len)",
    cases={
        "modeling_attn_mask_utils._prepare_4d_attention_mask(ends, x.dtype, tgt_len=2)": (
            "prepare_4d_attention_mask(ends, x.dtype, tgt_len=2)"
        )
    },
    doc="A mask in which nothing is hidden is made too, where PyTorch gives None to its kernel.",
)
_CAUSAL = "(attention_mask, input_shape, inputs_embeds, past_key_values_length, sliding_window=None)"
for _name in ("prepare_4d_causal_attention_mask", "prepare_4d_causal_attention_mask_for_sdpa"):
    rule(
        f"transformers.modeling_attn_mask_utils._{_name}{_CAUSAL}",
        to=(
            f"{_name}(attention_mask, input_shape, inputs_embeds, past_key_values_length, "
            "sliding_window=sliding_window)"
        ),
        cases={f"modeling_attn_mask_utils._{_name}(ends, (2, 3), x, 0)": f"{_name}(ends, (2, 3), x, 0)"},
        doc="A mask in which nothing is hidden is made too, where PyTorch gives None.",
    )
