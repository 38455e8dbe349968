"""The operator's command line (`starter.py --help`); its commands are in `cli`."""

from cli.app import main

if __name__ == "__main__":
    main()
