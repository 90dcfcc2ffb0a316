"""What the views draw: absorbed from a run off the interface thread, no Qt."""
