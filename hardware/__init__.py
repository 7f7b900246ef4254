"""GSM modems over serial lines: bytes, PDUs, the driver, and a simulator; knows nothing of smsgate or parsers."""
