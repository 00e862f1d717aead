"""What the magics do: ask, compare, map, train, run a plugin, and a line's command."""
