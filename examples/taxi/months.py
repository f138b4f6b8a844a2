"""Write three months of taxi trips, as a city might publish them: nearly alike.

The trips are made up. Their columns are some of those of New York's yellow cabs, and the months
differ as the real ones do. The files are the same on every machine.

    python examples/taxi/months.py FOLDER
"""

from __future__ import annotations

import csv
import sys
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random

#: Before that day nobody filled the column `congestion_surcharge`.
SURCHARGE_SINCE = date(2024, 2, 12)

#: Zones of the city where trips begin; two of them are airports.
ZONES = (48, 79, 132, 138, 161, 186, 230, 237)
AIRPORTS = (132, 138)


@dataclass(frozen=True)
class Month:
    """How the file of a month differs from others.

    Attributes
    ----------
    first : date
        Its first day.
    trips : int
        How many trips it has.
    line_end : str
        What ends its lines.
    airport_fee : bool
        Whether it has the column of that name.
    refunds : tuple of int
        Trips that have a negative fare.
    currency : tuple of int
        Trips whose total is a text, such as 9.50 USD.
    torn : int
        The trip before which there is a line that was cut off; 0 for none.
    """

    first: date
    trips: int
    line_end: str = "\n"
    airport_fee: bool = False
    refunds: tuple[int, ...] = ()
    currency: tuple[int, ...] = ()
    torn: int = 0


MONTHS = (
    Month(date(2024, 1, 1), 1200),
    Month(date(2024, 2, 1), 1100, line_end="\r\n", currency=(150, 420, 777), torn=500),
    Month(date(2024, 3, 1), 1300, airport_fee=True, refunds=(40, 600)),
)


def trip(month: Month, chance: Random) -> dict[str, object]:
    """Make a trip."""

    def below(count: int) -> int:
        # Only what random() gives is promised to be the same in every version of Python.
        return int(chance.random() * count)

    days = ((month.first + timedelta(days=31)).replace(day=1) - month.first).days
    midnight = datetime.combine(month.first, datetime.min.time())
    begin = midnight + timedelta(days=below(days), seconds=below(24 * 60 * 60))
    miles = round(0.4 + 9 * chance.random() ** 3, 2)
    end = begin + timedelta(seconds=round(180 + miles * (120 + 180 * chance.random())))
    start = ZONES[below(len(ZONES))]
    fare = round(3 + 3.5 * miles, 2)
    tip = round(fare * 0.05 * below(6), 2)
    surcharge = 2.5 if begin.date() >= SURCHARGE_SINCE else None
    fee = 1.75 if month.airport_fee and start in AIRPORTS else 0.0
    made: dict[str, object] = {
        "VendorID": 1 + below(2),
        "tpep_pickup_datetime": f"{begin}",
        "tpep_dropoff_datetime": f"{end}",
        "passenger_count": 1 + below(4),
        "trip_distance": miles,
        "PULocationID": start,
        "payment_type": 1 + below(2),
        "fare_amount": fare,
        "tip_amount": tip,
        "congestion_surcharge": surcharge,
        "total_amount": round(fare + tip + (surcharge or 0) + fee, 2),
    }
    return made | ({"airport_fee": fee} if month.airport_fee else {})


def write(month: Month, place: Path) -> None:
    """Write the file of a month."""
    chance = Random(str(month.first))  # noqa: S311 - no secret is made of it
    trips = [trip(month, chance) for _ in range(month.trips)]
    trips.sort(key=lambda one: str(one["tpep_pickup_datetime"]))
    for n in month.refunds:
        trips[n]["fare_amount"] = f"-{trips[n]['fare_amount']}"
    for n in month.currency:
        trips[n]["total_amount"] = f"{trips[n]['total_amount']} USD"
    with place.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(trips[0]), lineterminator=month.line_end)
        writer.writeheader()
        for n, one in enumerate(trips):
            if month.torn and n == month.torn:
                file.write(f"2,{one['tpep_pickup_datetime']},2024-{month.line_end}")
            writer.writerow(one)


def main() -> None:
    """Write every month into the folder that the command line names."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for month in MONTHS:
        place = folder / f"yellow_{month.first:%Y-%m}.csv"
        write(month, place)
        print(f"{place}: {month.trips:,} trips")


if __name__ == "__main__":
    main()
