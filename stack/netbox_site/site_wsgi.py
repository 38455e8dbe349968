"""NetBox as a WSGI application that brings its static files and its first administrator.

Runs in NetBox's own environment under `gunicorn --preload`, so all of it happens once, before the
workers fork.
"""

import gc
from os import environ

gc.disable()  # the imports below build objects that stay: collecting meanwhile costs a second

from django.contrib.staticfiles.handlers import StaticFilesHandler  # noqa: E402
from django.db import connections  # noqa: E402
from netbox.wsgi import application as netbox_application  # noqa: E402
from users.models import Token, User  # noqa: E402


def ensure_administrator(name: str, password: str, token: str) -> None:
    """Make the superuser and the API token (`nbt_<key>.<secret>`) that are missing."""
    user = User.objects.filter(username=name).first()
    if user is None:
        user = User.objects.create_superuser(name, password=password)
    key, secret = token.removeprefix("nbt_").split(".")
    if not Token.objects.filter(key=key).exists():
        Token(user=user, key=key, token=secret, description="First administrator").save()


ensure_administrator(
    environ["NETBOX_ADMIN_NAME"], environ["NETBOX_ADMIN_PASSWORD"], environ["NETBOX_ADMIN_TOKEN"]
)
connections.close_all()  # a connection cannot be shared by the workers
application = StaticFilesHandler(netbox_application)

gc.freeze()
gc.enable()
