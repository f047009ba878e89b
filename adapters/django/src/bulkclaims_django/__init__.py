"""The Django application of bulkclaims: add `bulkclaims_django` to `INSTALLED_APPS`."""

__version__ = "0.1.0"
__all__: list[str] = []
