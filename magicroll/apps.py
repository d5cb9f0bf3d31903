from django.apps import AppConfig


class MagicrollConfig(AppConfig):
    name = "magicroll"
    verbose_name = "Magic Roll"

    def ready(self) -> None:
        # Tasks find their broker through the app. Not in __init__.py: decoder children import the package.
        from magicroll import celery, checks  # noqa: F401
