"""Deploying: what runs here described, and steps of deployments taken on the log of production."""
