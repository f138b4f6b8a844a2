"""How the lake lies in AWS: names, values, reasons and errors. Pure; shared by every function."""
