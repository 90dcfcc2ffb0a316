"""The B1530A pulse generators: C library, limits, errors, and patterns and channels as objects."""
