"""What the first tagged version wrote is read by this one."""
