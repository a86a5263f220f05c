"""Where records are kept: the only package with SQL in it, one module per noun."""
