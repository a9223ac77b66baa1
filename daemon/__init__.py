"""The running process: composition, lanes, scheduler, control API, client and command line."""
