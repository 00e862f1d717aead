"""While a cell is written, before it runs: completion, its price, lines that IPython would mistake."""
