"""What a site and its projects are: models, tiers, loading with line numbers, specs and schemas."""
