"""Widgets that draw the models' pictures."""
