"""`python -m engage_tui`."""

from engage_tui.cli.main import main

if __name__ == "__main__":
    main()
