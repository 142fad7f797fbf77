"""Cases of any paper: a frozen record, its one spelling, its id and its seeds."""
