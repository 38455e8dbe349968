"""An optional receiver for webhooks, so that changes count within a second.

    sender --> receiver --> signatures --> payloads --> throttle --> relay --> Temporal

A webhook is only a hint to sync now instead of soon. It brings no data into a sync, so one that is lost, repeated
or forged by somebody who knows the secret changes nothing but the time.
"""
