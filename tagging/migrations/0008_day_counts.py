from collections import defaultdict

import django.db.models.deletion
from django.apps.registry import Apps
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from tagging.published import breadth_of


def count_days(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Count what is there already, one person after the other; from here on the writer does."""
    photos = apps.get_model("magicroll", "Photo").objects.filter(state="ready", trashed_at=None)
    day_count = apps.get_model("tagging", "DayCount")
    for owner_id in list(photos.order_by().values_list("owner_id", flat=True).distinct()):
        days = defaultdict(lambda: [0, 0, 0])
        facts = photos.filter(owner_id=owner_id).values_list("taken_at", "width", "height", "version")
        for taken_at, width, height, version in facts.iterator(10_000):
            day = days[taken_at.date()]
            day[:] = day[0] + 1, day[1] + breadth_of(width, height), max(day[2], version)
        rows = [
            day_count(owner_id=owner_id, day=day, count=count, breadth=breadth, version=version)
            for day, (count, breadth, version) in days.items()
        ]
        day_count.objects.bulk_create(rows, batch_size=1000)


class Migration(migrations.Migration):
    dependencies = [
        ("tagging", "0007_wishes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="DayCount",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "owner_id", "day", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("day", models.DateField()),
                ("count", models.PositiveIntegerField()),
                ("breadth", models.PositiveBigIntegerField()),
                ("version", models.PositiveBigIntegerField()),
                (
                    "owner",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("count__gt", 0)), name="day_count_positive")
                ],
            },
        ),
        migrations.RunPython(count_days, migrations.RunPython.noop),
    ]
