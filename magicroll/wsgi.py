import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "magicroll.settings")
application = get_wsgi_application()

# What is loaded by now stays: full collections, of which a roll's page causes one in five requests, need not look
# through its 140,000 objects each time.
_ = get_resolver().url_patterns  # all views, and what they import
gc.collect()
gc.freeze()
