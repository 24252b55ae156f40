"""Hold back what failed its checks, and say what stays in use."""
