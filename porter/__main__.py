"""`python -m porter` is `porter`: the commands, or what has to be installed for them."""

import sys


def main() -> None:
    """Entry point of the console script `porter`."""
    try:
        from porter.cli import main as run
    except ModuleNotFoundError as missing:
        from porter.base import console
        from porter.base.installed import absent

        known = absent(missing)
        if known is None:
            raise
        console.error(known)
        sys.exit(known.exit_code)
    run()


if __name__ == "__main__":
    main()
