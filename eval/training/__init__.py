"""Training. Not in the wheel."""
