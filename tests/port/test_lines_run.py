"""Lines are counted of the named files only, and whoever listened before goes on listening."""

import sys

from porter.port.lines_run import lines_run


def test_only_lines_that_run_in_the_files_count(tmp_path):
    scope: dict[str, object] = {}
    for name in ("modeling_tf_x.py", "other.py"):
        text = "def run(flag):\n    if flag:\n        return 1\n    return 2\n"
        exec(compile(text, str(tmp_path / name), "exec"), scope)
        scope[name] = scope["run"]
    before = sys.gettrace()
    with lines_run([tmp_path / "modeling_tf_x.py"]) as ran:
        scope["modeling_tf_x.py"](False)  # type: ignore[operator]
        scope["other.py"](True)  # type: ignore[operator]
    assert ran == {"modeling_tf_x.py": {1, 2, 4}}
    assert sys.gettrace() is before
