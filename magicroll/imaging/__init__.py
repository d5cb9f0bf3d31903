"""Pictures as files: what they are, what they tell, and how they look small. No Django, no Celery."""
