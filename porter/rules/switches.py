"""Rules for what only steers PyTorch itself: compilers, tracing, precision, gradients, kernels."""

from __future__ import annotations

from porter.rulebook import Call, Drop, Remark, Same, layer, refused, rule, statement

rule(
    "torch.compiler.is_compiling()",
    "torch.compiler.is_exporting()",
    "torch.compiler.is_dynamo_compiling()",
    "torch._dynamo.external_utils.is_compiling()",
    "torch.jit.is_tracing()",
    "torch.jit._trace.is_tracing()",
    "torch._jit_internal.is_scripting()",
    "torch.onnx.is_in_onnx_export()",
    "torch.is_autocast_enabled(device_type=None)",
    "torch.are_deterministic_algorithms_enabled()",
    "torch.distributed.distributed_c10d.is_initialized()",
    "torch.distributed.is_initialized()",
    "torch.distributed.is_available()",
    "transformers.utils.is_torchdynamo_compiling()",
    "transformers.utils.import_utils.is_torchdynamo_compiling()",
    "transformers.utils.import_utils.is_torchdynamo_exporting()",
    "transformers.utils.import_utils.is_tracing(tensor=None)",
    "transformers.utils.import_utils.is_torch_fx_proxy(x=None)",
    "transformers.utils.import_utils.is_torch_fx_available()",
    "transformers.utils.import_utils.is_torch_sdpa_available()",
    "transformers.utils.import_utils.is_flash_attn_greater_or_equal_2_10()",
    "transformers.utils.import_utils.is_flash_attn_greater_or_equal(library_version)",
    "transformers.utils.is_torch_fx_proxy(x=None)",
    "transformers.integrations.deepspeed.is_deepspeed_zero3_enabled()",
    "transformers.integrations.is_deepspeed_zero3_enabled()",
    "transformers.distributed.fsdp.is_fsdp_managed_module(module=None)",
    "transformers.integrations.fsdp.is_fsdp_managed_module(module=None)",
    "transformers.utils.generic.is_flash_attention_requested(config=None, requested_attention_implementation=None)",
    to="False",
    cases={"torch.jit.is_tracing()": "False"},
    doc="The port runs in TensorFlow, which has none of these states.",
)
statement(
    'if __name__ == "__main__": $body',
    to=Drop(Remark("what the file does when it is run as a program is not ported.")),
    cases={'if __name__ == "__main__":\n    print(x)': ""},
)
rule(
    "torch.autograd.variable.Variable(data, requires_grad=False, volatile=None)",
    to=Same(),
    cases={"torch.autograd.Variable(x)": "x"},
    doc="A tensor is one already.",
)


@rule("torch.jit.annotate(the_type, the_value)", cases={"torch.jit.annotate(list, [x])": "[x]"})
def annotate(call: Call) -> str:
    """A type for TorchScript alone."""
    return call.the_value.node_code


rule(
    "torch.jit._script.script(obj, optimize=None, _frames_up=0, _rcb=None, example_inputs=None)",
    to=Same(),
    cases={"torch.jit.script(linear)": "linear"},
    doc="TorchScript runs what Python runs.",
)
layer(
    "torch.ao.quantization.stubs.QuantStub(qconfig=None)",
    "torch.ao.quantization.stubs.DeQuantStub(qconfig=None)",
    to="keras.layers.Identity()",
    cases={"torch.ao.quantization.QuantStub()": "keras.layers.Identity()"},
)
rule(
    "torch._check(cond, message=None)",
    "torch._check_is_size(i, message=None)",
    "torch._dynamo.mark_static_address(t, guard=True)",
    "torch._dynamo.decorators.mark_static_address(t, guard=True)",
    "torch._dynamo.decorators.graph_break()",
    "torch._assert(condition, message)",
    "torch.set_float32_matmul_precision(precision)",
    "torch.set_num_threads(int)",
    "torch.use_deterministic_algorithms(mode, *, warn_only=False)",
    "torch.cuda.memory.empty_cache()",
    "torch.cuda.synchronize()",
    "torch.compiler.cudagraph_mark_step_begin()",
    "torch.Tensor.register_hook(input, hook)",
    "torch.Tensor.retain_grad(input)",
    "torch.Tensor.backward(input)",
    "transformers.utils.import_utils.torch_compilable_check(cond, msg=None, error_type=None)",
    "transformers.utils.torch_compilable_check(cond, msg=None, error_type=None)",
    to=Drop(),
    cases={"torch._check(True)": "None"},
    doc="A statement of it is removed.",
)
rule(
    "torch.no_grad()",
    "torch.enable_grad()",
    "torch.inference_mode(mode=True)",
    "torch.set_grad_enabled(mode)",
    "torch.nn.attention.sdpa_kernel(backends, set_priority=False)",
    "torch.backends.cudnn.flags(enabled=False, benchmark=False, benchmark_limit=10, deterministic=False)",
    "torch.profiler.record_function(name, args=None)",
    "torch.autograd.profiler.record_function(name, args=None)",
    "torch.autograd.set_detect_anomaly(mode, check_nan=True)",
    "torch.autograd.anomaly_mode.set_detect_anomaly(mode, check_nan=True)",
    "torch.autocast(device_type, dtype=None, enabled=True, cache_enabled=None)",
    "torch.amp.autocast(device_type, dtype=None, enabled=True, cache_enabled=None)",
    "torch.cuda.amp.autocast_mode.autocast(enabled=True, dtype=None, cache_enabled=True)",
    "torch.cpu.amp.autocast_mode.autocast(enabled=True, dtype=None, cache_enabled=True)",
    "transformers.utils.generic.maybe_autocast(device_type=None, dtype=None, enabled=True, cache_enabled=None)",
    to=Drop(),
    cases={"torch.no_grad()": "None"},
    doc="A `with` of nothing else is dissolved: the port computes in the dtypes that its casts say.",
)


@rule(
    "transformers.pytorch_utils.apply_chunking_to_forward(forward_fn, chunk_size, chunk_dim, *input_tensors)",
    cases={"apply_chunking_to_forward(forward_fn, 0, 1, x)": "forward_fn(x)"},
)
def apply_chunking(call: Call) -> str:
    """Chunks only save memory; the result is the function's own."""
    return call.invoke(str(call.forward_fn), [("*" if arg.starred else "") + arg.node_code for arg in call.variadic])


rule(
    "torch.distributed.get_rank(group=None)",
    "torch.distributed.distributed_c10d.get_rank(group=None)",
    "torch.cuda.device_count()",
    to="0",
    cases={"torch.cuda.device_count()": "0"},
)
rule(
    "torch.get_autocast_dtype(device_type)",
    "torch.get_autocast_gpu_dtype()",
    to="tf.float32",
    cases={'torch.get_autocast_dtype("cpu")': "tf.float32"},
    doc="Only asked where autocast is on, which it never is here.",
)


@rule(
    "torch.utils.checkpoint.checkpoint(function, *args, use_reentrant=None)",
    cases={"torch.utils.checkpoint.checkpoint(forward_fn, x, use_reentrant=False)": "forward_fn(x)"},
)
def checkpoint(call: Call) -> str:
    """Recomputing only saves memory."""
    return call.invoke(str(call.function), [("*" if arg.starred else "") + arg.node_code for arg in call.variadic])


rule(
    "torch.utils.checkpoint.checkpoint_sequential(functions, segments, input, use_reentrant=None)",
    to="functions(input)",
    cases={
        "torch.utils.checkpoint.checkpoint_sequential(nn.Sequential(nn.ReLU()), 1, x, use_reentrant=False)": (
            "Sequential([keras.layers.ReLU()])(x)"
        )
    },
    doc="Recomputing only saves memory.",
)


@rule("builtins.hasattr(obj, name)", cases={'hasattr(torch, "compile")': "True"})
def has_attribute(call: Call) -> str:
    """What PyTorch itself has does not change; everything else is asked again."""
    owner = call.obj.node_code.partition(".")[0]
    if owner in ("torch", "nn", "F") and call.result is not None and call.result.has_value:
        return str(call.result.value)
    return f"hasattr({call.obj.node_code}, {call.name.node_code})"


rule(
    "torch.nn.Module.register_forward_hook(module, hook, *, prepend=False, with_kwargs=False, always_call=False)",
    to="forward_hook(module, hook, with_kwargs=with_kwargs)",
    cases={
        "linear.register_forward_hook(forward_fn)": "forward_hook(linear, forward_fn)",
        "linear.register_forward_hook(forward_fn, with_kwargs=True)": (
            "forward_hook(linear, forward_fn, with_kwargs=True)"
        ),
    },
)
rule(
    "torch.nn.Module.register_forward_pre_hook(module, hook, *, prepend=False, with_kwargs=False)",
    to="forward_pre_hook(module, hook, with_kwargs=with_kwargs)",
    cases={"linear.register_forward_pre_hook(forward_fn)": "forward_pre_hook(linear, forward_fn)"},
)
refused(
    "torch.nn.Module.register_full_backward_hook",
    "torch.nn.Module.register_full_backward_pre_hook",
    because="a Keras layer has no hooks on gradients: write the gradient with tf.custom_gradient",
)
