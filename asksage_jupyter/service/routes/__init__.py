"""What the service is asked: one module a route."""
