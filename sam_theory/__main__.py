"""``python -m sam_theory``: the command line."""

from sam_theory.cli import main

if __name__ == "__main__":
    main()
