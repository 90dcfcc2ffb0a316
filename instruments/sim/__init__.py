"""The simulated bench: a chip seen only at its pads, behind instruments that answer as real ones do."""
