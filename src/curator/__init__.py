"""The function that makes tables of models anew where their sources changed."""
