from django.apps import AppConfig


class MagicrollConfig(AppConfig):
    name = "magicroll"
    verbose_name = "Magic Roll"
