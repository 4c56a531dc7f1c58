"""Training of the reader and fitting of the stacks over it; README.md has the commands. Not in the wheel."""
