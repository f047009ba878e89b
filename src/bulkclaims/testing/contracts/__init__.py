"""One class for each seam: a part that passes its contract fits. Subclass it, give the fixture it names, run pytest."""

from bulkclaims.testing.contracts.access import AccessStoreContract
from bulkclaims.testing.contracts.authenticator import AuthenticatorContract
from bulkclaims.testing.contracts.authorize import AuthorizeContract
from bulkclaims.testing.contracts.cipher import CipherContract, EncryptingCipherContract
from bulkclaims.testing.contracts.connector import ConnectorContract
from bulkclaims.testing.contracts.dispatcher import DispatcherContract
from bulkclaims.testing.contracts.kept import KeptStoreContract, KeptWithJobsContract
from bulkclaims.testing.contracts.limiter import LimiterContract
from bulkclaims.testing.contracts.parser import RowParserContract
from bulkclaims.testing.contracts.repository import JobRepositoryContract
from bulkclaims.testing.contracts.tickets import TicketConnectorContract
from bulkclaims.testing.contracts.tokens import TokenStoreContract
from bulkclaims.testing.contracts.views import ViewContract
from bulkclaims.testing.contracts.windows import WindowConnectorContract
from bulkclaims.testing.contracts.writer import ResultWriterContract

__all__ = [
    "AccessStoreContract",
    "AuthenticatorContract",
    "AuthorizeContract",
    "CipherContract",
    "ConnectorContract",
    "DispatcherContract",
    "EncryptingCipherContract",
    "JobRepositoryContract",
    "KeptStoreContract",
    "KeptWithJobsContract",
    "LimiterContract",
    "ResultWriterContract",
    "RowParserContract",
    "TicketConnectorContract",
    "TokenStoreContract",
    "ViewContract",
    "WindowConnectorContract",
]
