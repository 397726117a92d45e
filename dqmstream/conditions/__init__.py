"""What is known of LSs besides their events: pile-up, beam, prescales, voltages; from files."""
