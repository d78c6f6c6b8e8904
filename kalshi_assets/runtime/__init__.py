"""What is started and stopped: the command line, the processes behind it, and their order."""
