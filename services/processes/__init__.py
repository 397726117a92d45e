"""What each service is made of, whether it shares a process with the others or has its own."""
