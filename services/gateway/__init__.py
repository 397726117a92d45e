"""The gateway: HTTP queries, the live stream and the page. The only place that knows FastAPI."""
