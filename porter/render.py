"""Fill in the templates of `templates/`, which the wheel carries as `porter/templates/`."""

from pathlib import Path

INSTALLED = Path(__file__).parent / "templates"
IN_TREE = Path(__file__).parents[1] / "templates"


def render(template_name: str, **values: object) -> str:
    """The text of a template such as `test_modeling_tf.py.j2`; a value that it needs and does not get is an error.

    Values are put in as they are; a template whose name ends in `.html.j2` escapes them.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(INSTALLED if INSTALLED.is_dir() else IN_TREE),
        undefined=StrictUndefined,
        autoescape=template_name.endswith(".html.j2"),
        keep_trailing_newline=True,
        lstrip_blocks=True,
        trim_blocks=True,
    )
    return environment.get_template(template_name).render(**values)
