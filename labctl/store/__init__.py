"""What is kept: run folders, journal, arrays, wear ledger. Knows no instrument."""
