"""A small trading engine on made-up prices."""
