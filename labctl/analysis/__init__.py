"""What the measured arrays say: pure functions, no instrument, no file."""
