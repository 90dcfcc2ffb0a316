"""`labctl reproduce`: the paper's measurements on fresh dies, held against its numbers."""
