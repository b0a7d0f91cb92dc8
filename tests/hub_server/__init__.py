"""A Hub on loopback: what the unmodified huggingface_hub client asks for, kept in memory, with faults on demand."""
