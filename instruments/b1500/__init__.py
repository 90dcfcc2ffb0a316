"""The B1500A mainframe: PyMeasure's driver, extended by what this bench needs."""
