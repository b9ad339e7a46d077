"""What runs inside Rasa's own Python 3.10 environment. Nothing here may import the hub."""
