"""`python -m promptstack` is the same program as the console script."""

from promptstack import main

if __name__ == "__main__":
    main()
