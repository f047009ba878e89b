"""What every `JobRepository` must pass."""

from __future__ import annotations

from bulkclaims.testing.contracts.beats import BeatContract
from bulkclaims.testing.contracts.bells import BellContract
from bulkclaims.testing.contracts.crowds import CrowdContract
from bulkclaims.testing.contracts.endings import CancelContract, FailContract, PurgeContract, SettleContract
from bulkclaims.testing.contracts.keys import UploadKeyContract
from bulkclaims.testing.contracts.leases import AnswersContract, AttemptsContract, LeaseContract, RecordContract
from bulkclaims.testing.contracts.moments import MomentsContract
from bulkclaims.testing.contracts.parking import ParkContract
from bulkclaims.testing.contracts.reopening import ReopenContract
from bulkclaims.testing.contracts.searches import JobStoreContract
from bulkclaims.testing.contracts.uploads import UploadStoreContract


class JobRepositoryContract(
    UploadStoreContract,
    UploadKeyContract,
    JobStoreContract,
    LeaseContract,
    AttemptsContract,
    RecordContract,
    AnswersContract,
    BellContract,
    ParkContract,
    SettleContract,
    FailContract,
    CancelContract,
    PurgeContract,
    ReopenContract,
    MomentsContract,
    BeatContract,
    CrowdContract,
):
    """
    Every promise of `bulkclaims.interfaces.JobRepository`.

    A subclass, named `Test…`, has a fixture `repository` that gives each test an empty repository, safe to call from
    nine threads at a time. No test waits: leases expire because they are taken for 0 seconds.
    """
