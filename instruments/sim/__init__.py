"""The simulated bench: a chip seen only at its pads, behind instruments like the real ones."""
