"""Plumbline from Python."""
