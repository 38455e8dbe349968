"""NetBox's configuration, read from environment variables.

Runs in NetBox's own environment; `stack/services/netbox.py` and `docker-compose.yml` set the variables.
"""

from os import environ

ALLOWED_HOSTS = environ.get("NETBOX_ALLOWED_HOSTS", "127.0.0.1,localhost").split(",")
SECRET_KEY = environ["NETBOX_SECRET_KEY"]
API_TOKEN_PEPPERS = {1: environ["NETBOX_TOKEN_PEPPER"]}

DATABASES = {
    "default": {
        "NAME": environ.get("NETBOX_DATABASE_NAME", "netbox"),
        "USER": environ.get("NETBOX_DATABASE_USER", "netbox"),
        "PASSWORD": environ.get("NETBOX_DATABASE_PASSWORD", ""),
        "HOST": environ["NETBOX_DATABASE_HOST"],
        "CONN_MAX_AGE": 300,
    }
}
REDIS = {  # two databases: clearing the cache flushes its own
    "tasks": {"URL": environ["NETBOX_TASKS_REDIS_URL"]},
    "caching": {"URL": environ["NETBOX_CACHE_REDIS_URL"]},
}

# A local stack makes no requests to the internet.
ISOLATED_DEPLOYMENT = True
CENSUS_REPORTING_ENABLED = False
RELEASE_CHECK_URL = None
