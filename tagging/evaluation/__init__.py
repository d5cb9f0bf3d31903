"""How right a release's tags are on labelled photos. Pure: neither Django nor Celery."""
