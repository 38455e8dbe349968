"""What all benchmarks share: figures, the grid of slots, and a result's form."""
