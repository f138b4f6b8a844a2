"""What AWS asks for what a lake uses: list prices of one region, without free tiers and discounts.

Sources: the pricing pages of Lambda, SQS, S3, Athena, Glue, DynamoDB (on demand) and CloudWatch, as
of November 2026, for us-east-1. Other regions differ by a few percent to a third.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from lake import render

if TYPE_CHECKING:
    from datetime import datetime

REGION: Final = "us-east-1"
DATE: Final = "November 2026"

#: Dollars for one of each. GB are of 2^30 bytes; a TB that Athena reads is of 2^40.
PRICES: Final = {
    "lambda request": 0.20e-6,
    "lambda GB-second arm64": 13.3334e-6,
    "lambda GB-second x86_64": 16.6667e-6,
    "sqs request": 0.40e-6,
    "s3 put": 5.00e-6,
    "s3 get": 0.40e-6,
    "s3 GB-month": 0.023,
    "s3 GB-month glacier": 0.0036,
    "athena TB": 5.00,
    "glue DPU-hour": 0.44,
    "glue request": 1.00e-6,
    "dynamodb write": 0.625e-6,
    "dynamodb read": 0.125e-6,
    "dynamodb GB-month": 0.25,
    "dynamodb GB-month backup": 0.20,
    "logs GB": 0.50,
    "logs GB-month": 0.03,
    "metric month": 0.30,
    "alarm month": 0.10,
}

#: Bytes for which Athena counts each query that reads anything (Athena pricing).
QUERY_MINIMUM: Final = 10 << 20

#: Days of a month.
_MONTH = 30.0

#: Units that are billed, and what they are in bytes.
BYTES: Final = {"GB": 1 << 30, "TB": 1 << 40}

#: Of greater amounts nobody reads what is behind the point.
_ROUND = 1_000

#: Where a figure is from; of one that nobody can say, that it is so.
MEASURED, DERIVED, UNKNOWN = "measured", "ledger", "unknown"


@dataclass(frozen=True)
class Line:
    """One thing that costs.

    Attributes
    ----------
    what : str
        The service, and what of it.
    quantity : float or None
        How much was used in the period, or is held; None where nobody can say.
    unit : str
        Of what.
    dollars : float or None
        For the period.
    month : float or None
        For 30 days of the same.
    source : str
        Where the quantity is from.
    """

    what: str
    quantity: float | None
    unit: str
    dollars: float | None
    month: float | None
    source: str

    @property
    def amount(self) -> str:
        """Say how much was used or is held."""
        if self.quantity is None:
            return "unknown"
        if self.unit in BYTES:
            return render.size(round(self.quantity * BYTES[self.unit]))
        # Of units such as GB-s there is no plural.
        one = self.quantity == 1 and self.unit.isalpha()
        whole = self.quantity == round(self.quantity) or self.quantity >= _ROUND
        number = f"{self.quantity:,.0f}" if whole else f"{self.quantity:,.4g}"
        return f"{number} {self.unit.removesuffix('s') if one else self.unit}".rstrip()


@dataclass(frozen=True)
class Period:
    """The time that is looked at.

    Attributes
    ----------
    start, end : datetime
        From when, and until when.
    """

    start: datetime
    end: datetime

    @property
    def days(self) -> float:
        """Give its length."""
        return (self.end - self.start) / timedelta(days=1)

    def used(self, what: str, quantity: float | None, unit: str, price: str, source: str) -> Line:
        """Price what was used in this time."""
        if quantity is None:
            return Line(what, None, unit, None, None, UNKNOWN)
        dollars = quantity * PRICES[price]
        return Line(what, quantity, unit, dollars, dollars * _MONTH / self.days, source)

    def held(self, what: str, quantity: float | None, unit: str, price: str) -> Line:
        """Price what is held, as if it had been held all the time."""
        if quantity is None:
            return Line(what, None, unit, None, None, UNKNOWN)
        month = quantity * PRICES[price]
        return Line(what, quantity, unit, month * self.days / _MONTH, month, MEASURED)
