"""How fast, how soon and how big the gateway is, beside other daemons on the same modem."""
