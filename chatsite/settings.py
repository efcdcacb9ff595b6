"""Django's settings, made from `chatsite.env` alone."""

from __future__ import annotations

from typing import Any

import dj_database_url
from csp.constants import NONCE, NONE, SELF
from django.utils.translation import gettext_lazy as _
from servestatic.compress import Compressor

from .env import ROOT, env
from .mail import mail_server
from .pictures import storage

BASE_DIR = ROOT
DEBUG = env.DEBUG
SECRET_KEY = env.secret_key() or ("insecure-debug-key" if DEBUG else "")
ALLOWED_HOSTS = env.ALLOWED_HOSTS
CSRF_TRUSTED_ORIGINS = env.CSRF_TRUSTED_ORIGINS
ROOT_URLCONF = "chatsite.urls"
ASGI_APPLICATION = "chatsite.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "corsheaders",
    "csp",
    "ninja",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.mfa",
    "chat",
]

# All of them synchronous: the handler in chatsite.handler runs the whole chain in
# one pool thread. None may touch the body of a streaming response (no gzip here).
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "chatsite.policy.PolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "chatsite.language.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "chat.api.middleware.ApiMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "chat.people.preferences.theme",
                "chat.signin.views.offers",
            ],
        },
    },
]


def database(url: str) -> dict[str, Any]:
    """Connection settings. SQLite writes take their lock at BEGIN, and wait for it."""
    config: dict[str, Any] = dict(dj_database_url.parse(url, conn_max_age=None))
    config["CONN_HEALTH_CHECKS"] = True
    if config["ENGINE"].endswith("sqlite3"):
        config["CONN_HEALTH_CHECKS"] = False
        config["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            # Each thread has its connection, and most of a cache is out of date as soon
            # as another one writes: 256 KB. A transaction may write 2 MB in memory.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
            "PRAGMA cache_size=-256; PRAGMA cache_spill=500;",
        }
    return config


DATABASES = {"default": database(env.DATABASE_URL.get_secret_value())}
REDIS_URL = env.REDIS_URL.get_secret_value() if env.REDIS_URL else None
CHANNEL_LAYERS = {
    "default": (
        {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            # The layer blocks for 5 s at a time: the client's own limit, 5 s too,
            # would end quiet sockets whenever Redis answers a little late.
            "CONFIG": {"hosts": [{"address": REDIS_URL, "socket_timeout": 15}]},
        }
        if REDIS_URL
        else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    )
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
# What stays counts attempts to sign in. One process keeps it to itself; several have
# a Redis (chat.E004).
CACHES = {
    "default": (
        {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": REDIS_URL,
            "KEY_PREFIX": "chatsite",
            "OPTIONS": {"socket_timeout": 2, "socket_connect_timeout": 2},
        }
        if REDIS_URL
        else {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            # Whoever tries many names must not push out what is known of one.
            "OPTIONS": {"MAX_ENTRIES": 100_000},
        }
    )
}

EMAIL_IS_SET = DEBUG or env.EMAIL_URL is not None
"""Whether mails arrive anywhere; with DEBUG, in the terminal."""
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.DEFAULT_FROM_EMAIL
EMAIL_TIMEOUT = 10
(
    EMAIL_BACKEND,
    EMAIL_HOST,
    EMAIL_PORT,
    EMAIL_HOST_USER,
    EMAIL_HOST_PASSWORD,
    EMAIL_USE_TLS,
    EMAIL_USE_SSL,
) = mail_server(env.EMAIL_URL.get_secret_value() if env.EMAIL_URL else None)

AUTHENTICATION_BACKENDS = [
    "chat.signin.backend.Backend",
    # Sessions from before name this one. It costs a wrong password a second hash.
    "django.contrib.auth.backends.ModelBackend",
]
CHAT_SIGNUP = env.CHAT_SIGNUP
ACCOUNT_ADAPTER = "chat.signin.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "chat.signin.forms.LoginForm",
    "signup": "chat.signin.forms.SignupForm",
    "add_email": "chat.signin.forms.AddEmailForm",
    "change_password": "chat.signin.forms.ChangePasswordForm",
    "reset_password": "chat.signin.forms.ResetPasswordForm",
    "reset_password_from_key": "chat.signin.forms.ResetPasswordKeyForm",
    "reauthenticate": "chat.signin.forms.ReauthenticateForm",
}
MFA_ADAPTER = "chat.signin.two_factor.TwoFactorAdapter"
MFA_FORMS = {
    "authenticate": "chat.signin.forms.AuthenticateForm",
    "reauthenticate": "chat.signin.forms.ReauthenticateByCodeForm",
    "activate_totp": "chat.signin.forms.ActivateForm",
}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
# Staff may have made the account, with an address that nobody confirmed.
MFA_ALLOW_UNVERIFIED_EMAIL = True
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*", "password2*"]
# Of who signs up; see chat.signin.adapter.VerificationStage.
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if EMAIL_IS_SET else "none"
ACCOUNT_MAX_EMAIL_ADDRESSES = 5
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_NOTIFICATIONS = True
# Whoever finds an open browser does not get the account by another address.
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_SESSION_REMEMBER = True
# Somebody signed in whom a page refuses may sign in as somebody else.
ACCOUNT_AUTHENTICATED_LOGIN_REDIRECTS = False
ACCOUNT_LOGOUT_REDIRECT_URL = "/accounts/login/"
# A school is one address; so an address may do more than a person, an account may not.
ACCOUNT_RATE_LIMITS = {
    "login": "120/m/ip",
    "login_failed": "30/m/ip,5/5m/key",
    "signup": "20/m/ip",
    "reset_password": "20/m/ip,5/h/key",
}

OIDC_ISSUER = env.OIDC_ISSUER.rstrip("/")
OIDC_CLIENT_ID = env.OIDC_CLIENT_ID
OIDC_CLIENT_SECRET = env.OIDC_CLIENT_SECRET.get_secret_value()
OIDC_NAME = env.OIDC_NAME
OIDC_SCOPES = env.OIDC_SCOPES
OIDC_SIGNUP = env.OIDC_SIGNUP
OIDC_ALLOWED_DOMAINS = env.OIDC_ALLOWED_DOMAINS
OIDC_TRUST_EMAIL = env.OIDC_TRUST_EMAIL
OIDC_LINK_BY_EMAIL = env.OIDC_LINK_BY_EMAIL
OIDC_GROUPS_CLAIM = env.OIDC_GROUPS_CLAIM
OIDC_GROUPS = env.OIDC_GROUPS
SOCIALACCOUNT_ADAPTER = "chat.signin.social.SocialAdapter"
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {
        "provider_class": "chat.signin.oidc.Provider",
        "OAUTH_PKCE_ENABLED": True,
    }
}
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
# Addresses come from the provider, and only those it has verified.
SOCIALACCOUNT_EMAIL_VERIFICATION = "none"
SOCIALACCOUNT_EMAIL_REQUIRED = False
# One thread of eight waits for so long, should the provider hang.
SOCIALACCOUNT_REQUESTS_TIMEOUT = 5

LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/accounts/login/"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = env.SECURE_COOKIES
LOCALE_PATHS = [ROOT / "locale"]
TIME_ZONE = env.TIME_ZONE
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = env.STATIC_ROOT
STATICFILES_DIRS: list[Any] = [ROOT / "static"]
STATICFILES_FINDERS = [
    "chat.pages.finders.AllowListFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "django.contrib.staticfiles.storage.StaticFilesStorage"
            if DEBUG
            else "servestatic.storage.CompressedManifestStaticFilesStorage"
        )
    },
    "pictures": storage(env.PICTURES_URL),
}

# Only what pages name, by its hash. What browsers hardly ever ask for stays plain
# (source maps, the oldest kind of font): most of the time `collectstatic` would take.
SERVESTATIC_KEEP_ONLY_HASHED_FILES = True
_UNCOMPRESSED = (*Compressor.SKIP_COMPRESS_EXTENSIONS, "map", "ttf")
SERVESTATIC_SKIP_COMPRESS_EXTENSIONS = _UNCOMPRESSED

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "base-uri": [NONE],
        "object-src": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}
# Other sites' pages may call the API with a key, never with this site's cookie.
CORS_URLS_REGEX = r"^/(api|v1)/"
CORS_ALLOW_ALL_ORIGINS = "*" in env.CHAT_CORS_ORIGINS
CORS_ALLOWED_ORIGINS = [name for name in env.CHAT_CORS_ORIGINS if name != "*"]
CORS_ALLOW_CREDENTIALS = False
CORS_ALLOW_HEADERS = [
    *("accept", "authorization", "content-type", "user-agent", "idempotency-key"),
    *("last-event-id", "x-request-id", "x-dashscope-sse", "openai-organization"),
    *("openai-project", "openai-beta"),
    *(
        f"x-stainless-{name}"
        for name in (
            *("arch", "async", "lang", "os", "package-version", "retry-count"),
            *("runtime", "runtime-version", "timeout", "helper-method", "poll-helper"),
        )
    ),
]
CORS_EXPOSE_HEADERS = [
    *("Retry-After", "X-Generation-Id", "X-Request-Id"),
    *("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"),
]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_COOKIES = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.SECURE_COOKIES
SESSION_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
# A prompt of the longest allowed size, in four-byte characters, escaped, fits.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "chat.observe.logs.Line"},
        "json": {"()": "chat.observe.logs.Json"},
    },
    "filters": {"about": {"()": "chat.observe.logs.About"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": env.LOG_FORMAT,
            "filters": ["about"],
        }
    },
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "chat": {"level": env.LOG_LEVEL},
        "chatsite": {"level": env.LOG_LEVEL},
        # The server's own lines, in the same shape, as many as it was told to write. A
        # line for each request would have the words somebody searches for: never.
        "uvicorn": {"handlers": ["console"], "propagate": False},
        "uvicorn.error": {},
        "uvicorn.access": {"propagate": False},
    },
}

CHAT_MODEL = env.CHAT_MODEL
CHAT_IMAGE_MODEL = env.CHAT_IMAGE_MODEL
CHAT_BASE_URL = env.CHAT_BASE_URL
CHAT_GUARD_URL = env.CHAT_GUARD_URL
CHAT_GUARD_KEY = env.CHAT_GUARD_KEY.get_secret_value() if env.CHAT_GUARD_KEY else None
CHAT_API_KEY = env.CHAT_API_KEY.get_secret_value() if env.CHAT_API_KEY else None
CHAT_MODELS_FILE = env.CHAT_MODELS_FILE
CHAT_MODELS_SECONDS = env.CHAT_MODELS_SECONDS
CHAT_CONNECT_SECONDS = env.CHAT_CONNECT_SECONDS
CHAT_FIRST_TOKEN_SECONDS = env.CHAT_FIRST_TOKEN_SECONDS
CHAT_NEXT_TOKEN_SECONDS = env.CHAT_NEXT_TOKEN_SECONDS
CHAT_ROLE = env.CHAT_ROLE
CHAT_SYSTEM_PROMPT = env.CHAT_SYSTEM_PROMPT
CHAT_LEASE_SECONDS = env.CHAT_LEASE_SECONDS
CHAT_HEARTBEAT_SECONDS = env.CHAT_HEARTBEAT_SECONDS
CHAT_CHECKPOINT_SECONDS = env.CHAT_CHECKPOINT_SECONDS
CHAT_GRACE_SECONDS = env.CHAT_GRACE_SECONDS
CHAT_MAX_PROMPT_CHARS = env.CHAT_MAX_PROMPT_CHARS
CHAT_MAX_NEW_TOKENS = env.CHAT_MAX_NEW_TOKENS
CHAT_MAX_GENERATION_SECONDS = env.CHAT_MAX_GENERATION_SECONDS
CHAT_USER_CONCURRENCY = env.CHAT_USER_CONCURRENCY
CHAT_USER_QUEUE = env.CHAT_USER_QUEUE
CHAT_RATE_LIMIT = env.CHAT_RATE_LIMIT
CHAT_DAILY_TOKENS = env.CHAT_DAILY_TOKENS
CHAT_MONTHLY_TOKENS = env.CHAT_MONTHLY_TOKENS
CHAT_MAX_RUNNING = env.CHAT_MAX_RUNNING
CHAT_MAX_QUEUED = env.CHAT_MAX_QUEUED
CHAT_MAX_REQUESTS = env.CHAT_MAX_REQUESTS
CHAT_MODEL_REVISION = env.CHAT_MODEL_REVISION
CHAT_CACHE_MB = env.CHAT_CACHE_MB
CHAT_QUANTIZATION = env.CHAT_QUANTIZATION
CHAT_LOCAL_MEMORY_MB = env.CHAT_LOCAL_MEMORY_MB
CHAT_PROMPT_LOOKUP_TOKENS = env.CHAT_PROMPT_LOOKUP_TOKENS
CHAT_DRAFT_MODEL = env.CHAT_DRAFT_MODEL
CHAT_IMAGE_STORAGE_MB = env.CHAT_IMAGE_STORAGE_MB
CHAT_IMAGE_TOKENS = env.CHAT_IMAGE_TOKENS
CHAT_IMAGE_MAX_PIXELS = env.CHAT_IMAGE_MAX_PIXELS
CHAT_IMAGE_MAX_STEPS = env.CHAT_IMAGE_MAX_STEPS
CHAT_STEP_SECONDS = env.CHAT_STEP_SECONDS
CHAT_MAX_IMPORT_MB = env.CHAT_MAX_IMPORT_MB
CHAT_SHARING = env.CHAT_SHARING
CHAT_REVIEW = env.CHAT_REVIEW
CHAT_RETENTION_DAYS = env.CHAT_RETENTION_DAYS
CHAT_AUDIT_DAYS = env.CHAT_AUDIT_DAYS
CHAT_AUTO_TITLES = env.CHAT_AUTO_TITLES
CHAT_METRICS_TOKEN = (
    env.CHAT_METRICS_TOKEN.get_secret_value() if env.CHAT_METRICS_TOKEN else None
)
WEB_CONCURRENCY = env.WEB_CONCURRENCY
