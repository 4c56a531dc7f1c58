"""`python -m eval.bench`."""

from eval.bench.command import main

if __name__ == "__main__":
    main()
