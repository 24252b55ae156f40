"""Make a release the stable one."""
