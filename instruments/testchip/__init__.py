"""The test chip as its user sees it: pads, address lines, pulse schemes, operations."""
