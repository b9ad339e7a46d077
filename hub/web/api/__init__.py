"""Other systems: the JSON API and Open311, with keys that an administrator gives out."""
