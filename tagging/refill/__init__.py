"""Bringing corpora to another release: order, fill, switch, roll back, clean. Knows no Celery."""
