"""Notifications: their targets, and how a message reaches one."""
