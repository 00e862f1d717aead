"""How words and figures are written, as text, HTML and Markdown; knows the meaning of none of them."""
