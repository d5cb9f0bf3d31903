"""Texts in other languages: finding, checking and compiling them."""
