"""All settings, read once from the environment. README.md has the table."""

import socket
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from magicroll import env

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.text("MAGICROLL_DATA_DIR", str(BASE_DIR / "data"))).resolve()
DEBUG = env.flag("MAGICROLL_DEBUG")

_kept_key = DATA_DIR / "secret-key"  # made by `make run`, so that manage.py by hand finds it too
SECRET_KEY = env.text("MAGICROLL_SECRET_KEY") or (
    _kept_key.read_text(encoding="ascii").strip()
    if _kept_key.is_file()
    else "insecure-development-key" * DEBUG
)
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "MAGICROLL_SECRET_KEY is not set. Set it (or MAGICROLL_SECRET_KEY_FILE) to a long random text; "
        "`make run` makes one in data/secret-key by itself."
    )

# The address people type; it alone decides hosts, CSRF origins and whether cookies need https.
URL = env.text("MAGICROLL_URL").rstrip("/")
BEHIND_PROXY = env.flag("MAGICROLL_BEHIND_PROXY")


def _own_names() -> list[str]:
    """Names under which this machine is reached on its own network."""
    name = socket.gethostname()
    names = ["localhost", "127.0.0.1", "[::1]", name, f"{name}.local"]
    try:
        names += [str(info[4][0]) for info in socket.getaddrinfo(name, None, socket.AF_INET)]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))  # TEST-NET-1, RFC 5737: picks a route, sends nothing
            names.append(probe.getsockname()[0])
    except OSError:
        pass  # a machine without a network still has its loopback names
    return names


ALLOWED_HOSTS = env.words("MAGICROLL_ALLOWED_HOSTS") or [
    *_own_names(),
    *filter(None, [urlsplit(URL).hostname]),
]
CSRF_TRUSTED_ORIGINS = [URL] if URL else []
_https = URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
SECURE_HSTS_SECONDS = 30 * 24 * 3600 if _https else 0
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    USE_X_FORWARDED_HOST = True

INSTALLED_APPS = [
    "magicroll.apps.MagicrollConfig",
    "tagging.apps.TaggingConfig",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "csp",
    "django_htmx",
    "template_partials.apps.SimpleAppConfig",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "magicroll.http.NoNulMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "magicroll.language.LanguageMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "magicroll.installed.AccountHeaderMiddleware",
    "magicroll.http.SetupMiddleware",
]
ROOT_URLCONF = "magicroll.urls"
WSGI_APPLICATION = "magicroll.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "template_partials.loader.Loader",
                    [
                        (
                            "django.template.loaders.cached.Loader",
                            [
                                "django.template.loaders.filesystem.Loader",
                                "django.template.loaders.app_directories.Loader",
                            ],
                        )
                    ],
                )
            ],
            "builtins": ["template_partials.templatetags.partials"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "magicroll.views.frame.rail",
            ],
        },
    }
]

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "blob:", "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}

# Databases: SQLite is the embedded default, PostgreSQL the production one.
DATABASES: dict[str, Any] = {
    "default": dj_database_url.parse(
        env.text("DATABASE_URL", f"sqlite:///{DATA_DIR / 'magicroll.sqlite3'}"), conn_max_age=600
    )
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["CONN_MAX_AGE"] = 0
    DATABASES["default"]["OPTIONS"] = {
        # IMMEDIATE: a writer waits for its turn at BEGIN instead of failing in the middle.
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        # FULL: a photo that was accepted survives a power cut too.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA mmap_size=268435456;"
        "PRAGMA cache_size=-32768;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

BROKER_URL = env.text("MAGICROLL_BROKER_URL", "filesystem://")
CACHE_URL = env.text(
    "MAGICROLL_CACHE_URL", BROKER_URL if BROKER_URL.startswith(("redis:", "rediss:")) else ""
)
CACHES: dict[str, Any] = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": CACHE_URL}
    if CACHE_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 100_000}}
}

# Celery: messages are hints, the database is the ledger (docs/architecture.md).
CELERY_BROKER_URL = BROKER_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_TIME_LIMIT = 900
CELERY_TASK_SOFT_TIME_LIMIT = 840
CELERY_TASK_DEFAULT_QUEUE = "realtime"
CELERY_TASK_ROUTES = {
    f"tagging.tasks.{name}": {"queue": "bulk"}
    for name in ("compact_index", "fill", "clean", "turn_automatic")
}
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {"visibility_timeout": 1200}
if BROKER_URL == "filesystem://":
    _queue = DATA_DIR / "broker"
    CELERY_BROKER_TRANSPORT = "magicroll.folder_broker:Transport"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(_queue / "messages"),
        "data_folder_out": str(_queue / "messages"),
        "control_folder": str(_queue / "control"),
        "polling_interval": 0.05,
    }
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "scheduler" / "schedule")
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "tagging.tasks.sweep", "schedule": crontab(), "options": {"expires": 55}},
    "operate": {
        "task": "magicroll.tasks.operate_on_all",
        "schedule": crontab(),
        "options": {"expires": 55},
    },
    "tidy": {"task": "magicroll.tasks.tidy", "schedule": crontab(minute=17), "options": {"expires": 3000}},
}

# Files: originals, previews and index snapshots go through Django's storage API only.
MEDIA_ROOT = DATA_DIR / "files"
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(MEDIA_ROOT)},
    },
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "magicroll.static_files.Storage"
    },
}
FILE_UPLOAD_TEMP_DIR = str(DATA_DIR / "incoming")
for _folder in (
    DATA_DIR / "incoming",
    DATA_DIR / "scheduler",
    DATA_DIR / "broker/messages",
    DATA_DIR / "broker/control",
):
    _folder.mkdir(parents=True, exist_ok=True)
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_HANDLERS = ["magicroll.upload_handler.HashingUploadHandler"]
DATA_UPLOAD_MAX_NUMBER_FILES = 300  # of the form without JavaScript; each is an open file until it is stored
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]

# Photos
MAX_UPLOAD_BYTES = env.integer("MAGICROLL_MAX_UPLOAD_MB", 200) * 1024 * 1024
MAX_PIXELS = env.integer("MAGICROLL_MAX_MEGAPIXELS", 150) * 1_000_000
DECODERS = env.integer("MAGICROLL_DECODERS", 2)
DECODER_TIMEOUT_S = env.integer("MAGICROLL_DECODER_TIMEOUT_S", 60)
DECODER_MEMORY_BYTES = env.integer("MAGICROLL_DECODER_MEMORY_MB", 3072) * 1024 * 1024
TRASH_DAYS = env.integer("MAGICROLL_TRASH_DAYS", 30)
UPLOADS_PER_MINUTE = env.integer("MAGICROLL_UPLOADS_PER_MINUTE", 1200)

# Neural networks
MODELS_DIR = Path(env.text("MAGICROLL_MODELS_DIR", str(DATA_DIR / "models"))).resolve()
KEEP_PREVIOUS_DAYS = env.integer("MAGICROLL_KEEP_PREVIOUS_DAYS", 7)  # the way back to a release
INDEX_DIR = Path(env.text("MAGICROLL_INDEX_DIR", str(DATA_DIR / "indexes"))).resolve()
ONNX_PROVIDER = env.text("MAGICROLL_ONNX_PROVIDER", "auto")
ONNX_THREADS = env.integer("MAGICROLL_ONNX_THREADS", 0)  # 0: one for each core

AUTH_USER_MODEL = "magicroll.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "roll"
LOGOUT_REDIRECT_URL = "login"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]  # each in its own language
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"
USE_THOUSAND_SEPARATOR = True

LOG_LEVEL = env.text("MAGICROLL_LOG_LEVEL", "INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "stream": sys.stderr, "formatter": "line"}},
    "loggers": {"faiss.loader": {"level": "WARNING"}, "kombu.connection": {"level": "ERROR"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
}
