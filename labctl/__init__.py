"""labctl: characterization of a 2T2R hafnium-oxide memory test chip on a Keysight B1500A bench."""
