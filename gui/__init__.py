"""The window: draws the events of runs, decides nothing."""
