"""
The seams: where a host may put a part of its own, and what each part promises.

A part needs nothing from this module but the right methods. `bulkclaims.testing.contracts` has one test class for each
seam; a part that passes it fits. Methods are called with positional arguments.
"""

from bulkclaims.interfaces.files import ParsedUpload, Readable, ResultWriter, RowParser
from bulkclaims.interfaces.lookups import (
    AccessStore,
    Connector,
    KeptStore,
    Limiter,
    RowProcessor,
    RunContext,
    TicketConnector,
    WindowConnector,
)
from bulkclaims.interfaces.queues import ChunkWorker, Dispatcher
from bulkclaims.interfaces.senders import Authenticator, Authorize, TokenStore
from bulkclaims.interfaces.stores import Cipher, JobRepository, JobStore, UploadStore, WorkStore

__all__ = [
    "AccessStore",
    "Authenticator",
    "Authorize",
    "ChunkWorker",
    "Cipher",
    "Connector",
    "Dispatcher",
    "JobRepository",
    "JobStore",
    "KeptStore",
    "Limiter",
    "ParsedUpload",
    "Readable",
    "ResultWriter",
    "RowParser",
    "RowProcessor",
    "RunContext",
    "TicketConnector",
    "TokenStore",
    "UploadStore",
    "WindowConnector",
    "WorkStore",
]

for _name in __all__:
    # This is where hosts import them from, and where the docs are to find them.
    globals()[_name].__module__ = __name__
