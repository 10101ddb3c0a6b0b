"""Amazon Web Services: one account in one region holds the projects of a site."""
