"""The converted model against PyTorch."""
