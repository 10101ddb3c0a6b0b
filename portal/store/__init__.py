"""Where files lie while they wait, are checked and are picked up: areas on local folders, S3 or Azure Blob."""
