"""The airlock's client: what `tre airlock` does, over either door's JSON interface, with the standard library alone."""
