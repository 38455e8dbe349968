"""An optional ear for NetBox and Git hosts, so that what people change counts within a second.

    sender --> receiver --> signatures --> payloads --> bursts --> relay --> Temporal

A webhook is only ever a hint to look now instead of soon: it carries no data into a sync, and one
that is lost, repeated or made up by somebody who knows the secret changes nothing but the moment.
"""
