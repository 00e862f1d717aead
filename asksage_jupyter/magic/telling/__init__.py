"""What is told beside a cell's own output: of the month, of the background, of a map that was stopped."""
