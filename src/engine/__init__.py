"""Any file to conformed files, every record accounted for."""
