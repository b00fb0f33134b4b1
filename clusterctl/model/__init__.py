"""What things are: frozen dataclasses of stdlib types. Nothing here decides or does."""
