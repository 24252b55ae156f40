"""Where data comes from: web services that answer JSON, downloads, files and objects; opened with suspicion."""
