"""A call, ready for a front end: use cases, frozen views, the table of actions, the link between the processes."""
