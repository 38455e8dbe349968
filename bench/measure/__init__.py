"""What all benchmarks share: figures, the grid of slots, and the form of a result."""
