"""NetBox as a WSGI application with static files and a first administrator.

Runs in NetBox's own environment under `gunicorn --preload`, so this module runs once, before the
workers fork.
"""

import gc
from os import environ

gc.disable()  # the objects of these imports stay; collecting during the imports takes a second

from django.contrib.staticfiles.handlers import StaticFilesHandler  # noqa: E402
from django.db import connections  # noqa: E402
from netbox.wsgi import application as netbox_application  # noqa: E402
from users.models import Token, User  # noqa: E402


def ensure_administrator(name: str, password: str, token: str) -> None:
    """Create the superuser and the API token (`nbt_<key>.<secret>`) if missing."""
    user = User.objects.filter(username=name).first()
    if user is None:
        user = User.objects.create_superuser(name, password=password)
    key, secret = token.removeprefix("nbt_").split(".")
    if not Token.objects.filter(key=key).exists():
        Token(user=user, key=key, token=secret, description="First administrator").save()


ensure_administrator(
    environ["NETBOX_ADMIN_NAME"], environ["NETBOX_ADMIN_PASSWORD"], environ["NETBOX_ADMIN_TOKEN"]
)
connections.close_all()  # workers cannot share a connection
application = StaticFilesHandler(netbox_application)

gc.freeze()
gc.set_threshold(100_000)  # by default a third of the time of a large write is collecting
gc.enable()
