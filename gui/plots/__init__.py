"""What every plot has: axes with units, cross-hair, export, decimation."""
