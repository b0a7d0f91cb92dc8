"""Tiny checkpoints of several families with strong random weights, each made when a test first asks for it."""

import functools

import pytest

CONFIGURATIONS = {
    "bert": ("BertForMaskedLM", "BertConfig", {
        "vocab_size": 99, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
        "intermediate_size": 37, "max_position_embeddings": 64}),
    "gpt2": ("GPT2LMHeadModel", "GPT2Config", {
        "vocab_size": 99, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64,
        "bos_token_id": 98, "eos_token_id": 98}),
    "llama": ("LlamaForCausalLM", "LlamaConfig", {
        "vocab_size": 99, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "intermediate_size": 37, "max_position_embeddings": 64}),
    "t5": ("T5ForConditionalGeneration", "T5Config", {
        "vocab_size": 99, "d_model": 32, "num_layers": 2, "num_decoder_layers": 2, "num_heads": 4, "d_kv": 8,
        "d_ff": 37, "decoder_start_token_id": 0}),
    "vit": ("ViTForImageClassification", "ViTConfig", {
        "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 37,
        "image_size": 30, "patch_size": 10, "num_labels": 5}),
    "wav2vec2": ("Wav2Vec2ForCTC", "Wav2Vec2Config", {
        "vocab_size": 32, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
        "intermediate_size": 37, "conv_dim": [16, 16], "conv_stride": [5, 4], "conv_kernel": [10, 8],
        "num_feat_extract_layers": 2, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2}),
    "whisper": ("WhisperForConditionalGeneration", "WhisperConfig", {
        "vocab_size": 99, "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4,
        "decoder_attention_heads": 4, "encoder_ffn_dim": 37, "decoder_ffn_dim": 37, "max_source_positions": 30,
        "max_target_positions": 64, "decoder_start_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
        "bos_token_id": 1, "suppress_tokens": None, "begin_suppress_tokens": None}),
}  # fmt: skip


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    """`checkpoint("bert")` is the folder of a tiny BERT."""
    torch = pytest.importorskip("torch")

    @functools.cache
    def make(family):
        import transformers

        from porter.subject.strong_weights import strengthen

        transformers.utils.logging.disable_progress_bar()
        class_name, config_name, values = CONFIGURATIONS[family]
        torch.manual_seed(0)
        model = getattr(transformers, class_name)(getattr(transformers, config_name)(**values)).eval()
        strengthen(model)
        folder = tmp_path_factory.mktemp(family)
        model.save_pretrained(folder)
        return folder

    return make


@pytest.fixture(scope="session")
def porter_export():
    """Runs `porter export`, as a user does."""
    from typer.testing import CliRunner

    from porter.cli import app

    return lambda *words: CliRunner().invoke(app, ["export", *map(str, words)])


@pytest.fixture(scope="session")
def port(checkpoint, tmp_path_factory):
    """`port("bert")` is the TensorFlow modeling file of the tiny BERT, written once for all formats."""

    @functools.cache
    def make(family):
        from porter.port.chain import Options, run

        output = tmp_path_factory.mktemp(f"port-{family}")
        result = run(Options(str(checkpoint(family)), output, (CONFIGURATIONS[family][0],), None, False))
        return result.written[0]

    return make
