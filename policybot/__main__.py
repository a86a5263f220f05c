"""Where `policybot` begins.

The command line is imported when it is run: processes that only help to check the log import this again.
"""


def main() -> None:
    """Run the command line."""
    from policybot.cli.program import app

    app()


if __name__ == "__main__":
    main()
