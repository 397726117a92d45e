"""Configuration in versions: which is in force, how one is put in force, how to go back."""
