"""`python -m eval.training`."""

from eval.training.command import training

if __name__ == "__main__":
    training()
