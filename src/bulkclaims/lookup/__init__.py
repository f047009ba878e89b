"""Rows in, answers out: the row processor and the connectors to payers' APIs."""

from bulkclaims.lookup.declarative import HttpConnector
from bulkclaims.lookup.matching import MatchRules
from bulkclaims.lookup.optum_real import OptumRealConnector, OptumRealSettings
from bulkclaims.lookup.processor import LookupProcessor
from bulkclaims.lookup.retrying import RetryPolicy
from bulkclaims.lookup.shared_access import SharedAccess
from bulkclaims.lookup.status_codes import CATEGORY_LABELS, CATEGORY_STATUS, WORD_STATUS, StatusTable
from bulkclaims.lookup.stedi import StediConnector
from bulkclaims.lookup.stedi_request import StediSettings
from bulkclaims.lookup.transport import make_client

__all__ = [
    "CATEGORY_LABELS",
    "CATEGORY_STATUS",
    "WORD_STATUS",
    "HttpConnector",
    "LookupProcessor",
    "MatchRules",
    "OptumRealConnector",
    "OptumRealSettings",
    "RetryPolicy",
    "SharedAccess",
    "StatusTable",
    "StediConnector",
    "StediSettings",
    "make_client",
]
