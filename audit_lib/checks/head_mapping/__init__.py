"""Head mapping: outputs are named, and mean what their names say."""
