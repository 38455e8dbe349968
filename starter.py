"""The operator's command line; see `starter.py --help`. Its commands live in `cli`."""

from cli.app import main

if __name__ == "__main__":
    main()
