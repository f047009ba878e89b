"""The Flask extension of bulkclaims: the HTTP API as a blueprint, and a service for each application."""

from bulkclaims_flask.extension import BulkClaims

__version__ = "0.1.0"
__all__ = ["BulkClaims"]
