"""The simulated B1500A served: FLEX text and WGFMU calls from other processes, over TCP."""
