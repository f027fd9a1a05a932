"""The version, in one place: the package's description and `odelt.__version__` take it from here."""

__version__ = "0.3.0"
