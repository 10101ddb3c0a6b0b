"""The versions of the schema, oldest first. A version that was released is never changed; the next one is added."""
