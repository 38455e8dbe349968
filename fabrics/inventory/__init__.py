"""The inventory: the NetBox objects that mirror a fabric's live state."""
