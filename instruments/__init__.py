"""What is plugged in: mainframe, pulse generators, test chip, and the simulated bench below."""
