"""One contract check a file, in a folder a contract; ``catalogue`` lists them."""
