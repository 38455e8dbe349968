"""Live objects as the inventory reads them, typed, with what it does not show left out."""
