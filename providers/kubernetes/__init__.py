"""Any Kubernetes cluster whose network policy is enforced, the embedded one included."""
