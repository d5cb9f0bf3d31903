"""What each day of a roll has, for the writer, under its lock."""

from tagging.models import DayCount
from tagging.published import Published


def update_days(owner_id: int, *, before: Published, after: Published, version: int) -> None:
    """Add to each day what the changed photos contribute now beyond what they did before.

    Every day that has or had one of them carries the version, also where its numbers stay: what a page shows of
    the day's photos is known by it.
    """
    touched = sorted(before.days.keys() | after.days.keys())
    if not touched:
        return
    known = {row.day: row for row in DayCount.objects.filter(owner=owner_id, day__in=touched)}
    rows = []
    for day in touched:
        row = known.get(day) or DayCount(owner_id=owner_id, day=day, count=0, breadth=0)
        row.count += after.days[day] - before.days[day]
        row.breadth += after.breadths[day] - before.breadths[day]
        row.version = version
        rows.append(row)
    DayCount.objects.filter(owner=owner_id, day__in=[row.day for row in rows if not row.count]).delete()
    DayCount.objects.bulk_create(
        [row for row in rows if row.count],
        update_conflicts=True,
        unique_fields=["owner", "day"],
        update_fields=["count", "breadth", "version"],
    )
