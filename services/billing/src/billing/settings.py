"""What billing reads from its environment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from chassis.settings import ProcessSettings, secret, url_wrong, variable

from billing.domain.dunning import DEFAULT_SCHEDULE, Stage, schedule_of, thresholds_of
from billing.domain.erasing import LEAST_DAYS


@dataclass(frozen=True, kw_only=True)
class Settings(ProcessSettings):
    """Billing's own settings. Without a payment provider invoices are paid by hand."""

    public_url: str = "http://127.0.0.1:8080"
    """Where the web app is: a payment provider's page leads back there."""
    invoice_grace: timedelta = timedelta(days=1)
    """How long after a period's end late usage is waited for before its invoice is finalized."""
    invoice_settle: timedelta = timedelta(minutes=1)
    """How long before its finalization what an invoice is made of must have been heard of: longer than any
    transaction."""
    dialed_number_days: int = 396
    """How long dialled numbers of calls out are kept whole: thirteen months, so that a year's bills can be disputed."""
    dunning_schedule: str = DEFAULT_SCHEDULE
    """Days since the first reminder and what follows: notice, restricted, suspended."""
    dunning_thresholds: str = ""
    """Least overdue sum that is reminded of, by currency, such as EUR:150,USD:100."""
    stripe_api_key: str = secret("")
    """Secret key of the Stripe account; empty: invoices are paid by hand."""
    stripe_webhook_secret: str = secret("")
    """Signing secret of the webhook that leads to /v1/paymentEvents/stripe."""
    stripe_api_base: str = ""
    """Another address of Stripe's API, for tests."""
    lago_url: str = ""
    """Address of a Lago installation that usage and invoices are exported to; empty: none."""
    lago_api_key: str = secret("")
    """Its API key."""

    @property
    def schedule(self) -> tuple[Stage, ...]:
        """The stages of reminding."""
        return schedule_of(self.dunning_schedule)

    @property
    def thresholds(self) -> dict[str, Decimal]:
        """The least overdue sums."""
        return thresholds_of(self.dunning_thresholds)

    def wrong(self) -> Iterator[str]:
        """A sentence for each setting that can't work."""
        yield from super().wrong()
        yield from url_wrong("public_url", self.public_url, ("http", "https"), "host")
        yield from url_wrong("stripe_api_base", self.stripe_api_base, ("http", "https"), "host")
        yield from url_wrong("lago_url", self.lago_url, ("http", "https"), "host")
        for name, read, example in (
            ("dunning_schedule", schedule_of, DEFAULT_SCHEDULE), ("dunning_thresholds", thresholds_of,
            "EUR:150,USD:100"),
        ):  # fmt: skip
            try:
                read(getattr(self, name))
            except (ValueError, IndexError):
                yield f"{variable(name)} must be written like {example}"
        if self.dialed_number_days < LEAST_DAYS:
            yield f"{variable('dialed_number_days')} must be at least {LEAST_DAYS}"
        if bool(self.stripe_api_key) != bool(self.stripe_webhook_secret):
            yield f"{variable('stripe_api_key')} and {variable('stripe_webhook_secret')} belong together"
        if bool(self.lago_url) != bool(self.lago_api_key):
            yield f"{variable('lago_url')} and {variable('lago_api_key')} belong together"
