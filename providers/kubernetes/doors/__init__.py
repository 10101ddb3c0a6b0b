"""What runs of the airlock and of the sign-in service in a cluster: pods, volumes, secrets, policies."""
