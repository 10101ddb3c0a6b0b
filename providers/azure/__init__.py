"""Microsoft Azure: one subscription in one region holds the projects of a site."""
