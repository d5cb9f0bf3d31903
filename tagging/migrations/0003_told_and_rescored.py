import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F


def nothing_to_tell(apps, schema_editor):
    """People see what they saw before; what comes later is news."""
    apps.get_model("tagging", "Corpus").objects.filter(told=None).update(told=F("active"))


class Migration(migrations.Migration):

    dependencies = [("tagging", "0002_refills")]

    operations = [
        migrations.AddField("encoder", "rescored_photos", models.PositiveBigIntegerField(default=0)),
        migrations.AddField("encoder", "rescored_ms", models.PositiveBigIntegerField(default=0)),
        migrations.AddField(
            "corpus",
            "told",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="tagging.release",
            ),
        ),
        migrations.RunPython(nothing_to_tell, migrations.RunPython.noop, elidable=True),
    ]
