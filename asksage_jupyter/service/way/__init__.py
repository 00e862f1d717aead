"""The way to the service and back: addressed, secured, signed, bounded in time and size."""
