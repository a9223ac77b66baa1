"""What is there: the git program, objects, working trees, tasks, watching and schedules."""
