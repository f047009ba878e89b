"""A client of the HTTP API: uploads that become one job however often they are sent, waiting, and whole results."""

from bulkclaims.client.client import Client
from bulkclaims.client.values import CheckInfo, JobInfo, ProgressInfo, RowInfo

__all__ = ["CheckInfo", "Client", "JobInfo", "ProgressInfo", "RowInfo"]
