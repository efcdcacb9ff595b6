from django.db import migrations, models
from django.db.models import F


def nothing_is_known_of_thinking(apps, schema_editor):
    rows = apps.get_model("chat", "Generation").objects.filter(first_token__isnull=False)
    rows.update(first_text=F("first_token"))


class Migration(migrations.Migration):

    dependencies = [
        ('chat', '0009_quotas'),
    ]

    operations = [
        migrations.AddField(
            model_name="generation",
            name="first_text",
            field=models.DateTimeField(
                blank=True, null=True, verbose_name="first text after thinking"
            ),
        ),
        migrations.RunPython(nothing_is_known_of_thinking, migrations.RunPython.noop),
    ]
