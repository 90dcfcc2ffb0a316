"""The simulated WGFMU library: answers the vendor's C functions."""
