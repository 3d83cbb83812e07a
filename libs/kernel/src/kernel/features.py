"""The features plans are sold by, and the one error that says a plan doesn't have one.

tenancy's catalogue says which plan has which; the service that owns what a feature opens refuses it. A new feature is a
line here, one in the catalogue and a probe in tests/house/test_features.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from kernel.errors import FailedPrecondition


class Feature(StrEnum):
    """Keys of the features, as the contract says them."""

    RECORDING = "recording"
    """Calls are recorded: telephony."""
    API = "api"
    """Keys for partners' programs: tenancy."""
    SKILLS = "skills"
    """Skills of queues and agents: routing."""
    OIDC = "oidc"
    """Signing in at an OpenID provider: tenancy."""
    AUDIT = "audit"
    """Reading who did what: tenancy."""


class FeatureNotInPlan(FailedPrecondition):
    """The plan doesn't have it; the metadata says `feature`, the `plan_id` held and the `lowest_plan_id` that has it,
    empty when none on sale does."""

    reason = "FEATURE_NOT_IN_PLAN"


@dataclass(frozen=True)
class PlanFeatures:
    """What the plan a tenant holds has."""

    plan_id: str
    features: frozenset[str]
    lowest_plan_ids: Mapping[str, str]
    """Lowest plan on sale that has a feature, by the feature's key."""

    def require(self, feature: Feature) -> None:
        """Raises `FeatureNotInPlan`."""
        if feature in self.features:
            return
        lowest = self.lowest_plan_ids.get(feature, "")
        raise FeatureNotInPlan(
            f"The plan {self.plan_id} doesn't have {feature}{f': {lowest} is the lowest that does' if lowest else ''}.",
            metadata={"feature": str(feature), "plan_id": self.plan_id, "lowest_plan_id": lowest},
        )
