"""What the paper says, as data: statements, sources, quantities, and how each assumption is broken."""
