"""Where porter keeps what has to outlive a run and belongs to this user alone."""

from __future__ import annotations

import os
from pathlib import Path


def state_folder() -> Path:
    """`$XDG_STATE_HOME/porter`, by default `~/.local/state/porter`; it need not exist."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "porter"
