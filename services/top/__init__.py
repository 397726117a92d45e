"""`dqmstream top`: what the shifter's page shows, in a terminal."""
