"""The simulated die: device physics, the array with its sense amplifiers, and its file."""
