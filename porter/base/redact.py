"""What must never be shown or kept: tokens, and what stands before the `@` of an address."""

from __future__ import annotations

import os
import re

HIDDEN = "***"
SECRET_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_HUB_TOKEN")
# Each keeps what stands before the secret.
SECRETS = (
    re.compile(r"()\bhf_\w+"),
    re.compile(r"(?i)(\bbearer\s+)[^\s'\"]+"),
    re.compile(r"(--token[=\s]+)\S+"),
    re.compile(r"(['\"]--token['\"],\s*)['\"][^'\"]*['\"]"),
    re.compile(r"(\w+://)[^/\s'\"]+(?=@)"),
)


def redacted(text: str) -> str:
    """The text with every token, password and user name of an address replaced by three stars."""
    for value in filter(None, map(os.environ.get, SECRET_VARIABLES)):
        text = text.replace(value, HIDDEN)
    for pattern in SECRETS:
        text = pattern.sub(rf"\1{HIDDEN}", text)
    return text
