"""Claim status for thousands of claims at a time: a CSV in, a results CSV out."""

TYPE_CHECKING = False  # typing's own would cost more than the rest of this module
if TYPE_CHECKING:
    from bulkclaims.errors import (
        BulkClaimsError,
        JobNotFound,
        NotNow,
        RepositoryUnavailable,
        SettingsWrong,
        UploadRejected,
    )
    from bulkclaims.jobs import Chunk, Job, JobId, JobStatus, Outcome, Owner, Settings
    from bulkclaims.parsing import CsvParser, UploadParser
    from bulkclaims.privacy import Secret
    from bulkclaims.records import RowResult
    from bulkclaims.repositories.memory import MemoryRepository
    from bulkclaims.service import BulkClaims
    from bulkclaims.writers import CsvWriter, JsonLinesWriter, XlsxWriter
else:

    def __getattr__(name: str) -> object:
        """
        Import a public name when somebody first asks for it.

        Until then the package costs next to nothing: to start the command line, or to import one module of many.
        """
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module  # noqa: PLC0415 -- not before it is needed

        value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        return value

    def __dir__() -> list[str]:
        """List public names, imported or not."""
        return sorted({*globals(), *__all__})


__all__ = [
    "BulkClaims",
    "BulkClaimsError",
    "Chunk",
    "CsvParser",
    "CsvWriter",
    "Job",
    "JobId",
    "JobNotFound",
    "JobStatus",
    "JsonLinesWriter",
    "MemoryRepository",
    "NotNow",
    "Outcome",
    "Owner",
    "RepositoryUnavailable",
    "RowResult",
    "Secret",
    "Settings",
    "SettingsWrong",
    "UploadParser",
    "UploadRejected",
    "XlsxWriter",
]

__version__ = "0.1.0"

_HOMES = {
    "BulkClaims": "service",
    "BulkClaimsError": "errors",
    "Chunk": "jobs",
    "CsvParser": "parsing",
    "CsvWriter": "writers",
    "Job": "jobs",
    "JobId": "jobs",
    "JobNotFound": "errors",
    "JobStatus": "jobs",
    "JsonLinesWriter": "writers",
    "MemoryRepository": "repositories.memory",
    "NotNow": "errors",
    "Outcome": "jobs",
    "Owner": "jobs",
    "RepositoryUnavailable": "errors",
    "RowResult": "records",
    "Secret": "privacy",
    "Settings": "jobs",
    "SettingsWrong": "errors",
    "UploadParser": "parsing",
    "UploadRejected": "errors",
    "XlsxWriter": "writers",
}
