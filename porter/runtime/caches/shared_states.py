"""Keys and values that several layers of one call share."""

from __future__ import annotations

from collections import UserDict
from typing import Any


class KVSharingDict(UserDict[str, tuple[Any, ...]]):
    """`transformers.cache_utils.KVSharingDict`: a kind of layer -> the keys and values that its layers share.

    Keras hands a dictionary on as a copy, and this as it is: what one layer puts in, the next ones find.
    """
