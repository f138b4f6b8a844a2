"""What AWS asks for what a lake uses: list prices of one region, without free tiers and discounts.

Sources: the pricing pages of Lambda, SQS, S3, Athena, Glue, DynamoDB (on demand) and CloudWatch, as
of November 2026, for us-east-1. Other regions differ by a few percent to a third.
"""

from __future__ import annotations

from typing import Final

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
